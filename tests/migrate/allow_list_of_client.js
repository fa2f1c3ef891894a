module.exports = function (client, scope, audience, context, cb) {
  var token = {};
  token.scope = scope;
  var allowed = client.metadata.list ? client.metadata.list.split(',') : undefined;
  if (allowed && allowed.length) {
    token.scope = token.scope.filter(function (s) { return allowed.indexOf(s) !== -1; });
  }
  if (!token.scope || token.scope.length === 0) return cb(new InvalidScopeError('nothing left'));
  cb(null, token);
};
