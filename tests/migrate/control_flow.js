module.exports = function (client, scope, audience, context, cb) {
  var level = parseInt(client.metadata.level || '0', 10);
  var token = {};
  var seen = [];
  token.scope = scope;

  switch (true) {
    case level > 10:
      return cb(new InvalidRequestError('level ' + level + ' is too high'));
    case level > 5:
      token['https://acme.example/level'] = 'high';
      break;
    case level > 0:
      token['https://acme.example/level'] = 'low';
      break;
  }

  seen.push(level);
  level -= 2;

  [3, 1, 2].forEach(function (n, index) {
    if (n === 1) {
      return;
    }
    seen.push(n * index);
  });

  for (var a = 0; a < 4; a++) {
    if (a === 2) continue;
    seen.push(a + ':' + level);
  }
  for (var a = 0; a <= 1; a++) seen.push(a);

  outer(seen);
  token['https://acme.example/seen'] = seen;
  if (seen.length > 100) cb(new ServerError('never'));
  else cb(null, token);

  function outer(list) {
    for (const item of list) {
      if (item === 0) {
        list.push('zero');
        break;
      }
    }
  }
};
