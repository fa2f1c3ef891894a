module.exports = function (client, scope, audience, context, cb) {
  var access_token = {};
  access_token.scope = scope || [];
  var list = access_token.scope;

  if (list.indexOf('drop') > -1) {
    list.splice(list.indexOf('drop'), 1);
  }
  for (var i = list.length - 1; i >= 0; i--) {
    if (list[i].match(/^tmp:/)) {
      list.splice(i, 1);
    }
  }
  list.unshift('first');
  list.push('x', 'y');
  list.push(...['z']);
  const last = list.pop();
  const first = list.shift();
  const sorted = list.slice().sort((a, b) => b.length - a.length);
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
  const log = [];
  log[log.length] = 'one';
  log[log.length] = 'two';
  access_token['https://acme.example/ends'] = [first, last];
  access_token['https://acme.example/longest'] = sorted.length ? sorted[0] : null;
  access_token['https://acme.example/text'] = text;
  access_token['https://acme.example/log'] = log.reverse();
  Object.assign(access_token, { 'https://acme.example/more': true });
  let steps = 0;
  for (let n = 0; n < 2; steps++) {
    if (steps > 3) {
      break;
    }
  }
  access_token['https://acme.example/steps'] = steps;
  access_token['https://acme.example/item'] = list[list.length > 1];
  access_token['https://acme.example/twice'] = { a: 1, b: null, a: counts.missing };
  cb(null, access_token);
};
