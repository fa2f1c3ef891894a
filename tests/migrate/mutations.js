module.exports = function (client, scope, audience, context, cb) {
  var access_token = {};
  access_token.scope = scope || [];
  var list = access_token.scope;

  var temporary = [];
  for (var i = list.length - 1; i >= 0; i--) {
    if (list[i].match(/^tmp:/)) {
      temporary.push(list[i].slice(4));
    }
  }
  list.push('x', 'y');
  list.push(...['z']);
  const sorted = list.slice().sort();
  const counts = {};
  for (const s of list) {
    const kind = s.split(':')[0];
    counts[kind] = (counts[kind] || 0) + 1;
  }
  const names = Object.keys(counts);
  let text = '';
  for (let n = 0; n < names.length; n++) {
    text += names[n] + '=' + counts[names[n]] + ';';
  }
  access_token['https://acme.example/temporary'] = temporary;
  access_token['https://acme.example/first'] = sorted.length ? sorted[0] : 'none';
  access_token['https://acme.example/text'] = text;
  Object.assign(access_token, { 'https://acme.example/more': true });
  access_token['https://acme.example/item'] = list[list.length > 1];
  access_token['https://acme.example/twice'] = { a: counts.missing, b: null };
  cb(null, access_token);
};
