module.exports = function (client, scope, audience, context, cb) {
  var answer = {};
  answer.scope = scope;
  var meta = client.metadata;
  if (typeof meta.depot !== 'undefined') {
    answer['https://acme.example/depot'] = meta.depot;
    console.log('depot of ' + meta.depot.length + ' letters, not ' + answer['https://acme.example/other']);
  }
  if (typeof meta.depot === 'undefined' || meta.depot == '') answer['https://acme.example/homeless'] = true;
  for (var entry in meta) {
    if (typeof meta[entry] === 'string' && entry.indexOf('x_') === 0) {
      answer['https://acme.example/' + entry] = meta[entry].length;
    }
  }
  if (typeof scope === 'undefined') answer['https://acme.example/bare'] = true;
  answer['https://acme.example/level'] = typeof meta.level === 'number' ? 'number' : 'other';
  cb(null, answer);
};
