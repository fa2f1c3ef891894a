/* eslint-disable no-var */
var PREFIX = 'https://acme.example/';
var count = 0;

function hasScope(scopes, wanted) {
  for (var i = 0; i < scopes.length; i++) {
    if (scopes[i] === wanted) {
      return true;
    }
  }
  return false;
}

var hook = function (client, scope, audience, context, cb) {
  var access_token = {}, granted = scope, i, parts = [];
  access_token.scope = [];
  for (i = 0; i < granted.length; i++) {
    if (granted[i].indexOf('internal:') > -1) {
      continue;
    }
    access_token.scope.push(granted[i]);
  }
  for (i = 3; i >= 1; i--) {
    parts.push(i);
  }
  if (hasScope(granted, 'admin')) {
    var level = 'admin';
  }
  count++;
  access_token[PREFIX + 'level'] = level;
  access_token[PREFIX + 'parts'] = parts.join('');
  access_token[PREFIX + 'last'] = access_token.scope[access_token.scope.length - 1];
  if (count < 0) {
    return cb(new ServerError('never'));
  }
  cb(null, access_token);
};

module.exports = hook;
