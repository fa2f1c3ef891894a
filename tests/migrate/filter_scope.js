const READ_ONLY = ['https://reports.example/', 'https://audit.example/'];

module.exports = function (client, scope, audience, context, cb) {
  var token = { scope: scope };
  if (READ_ONLY.indexOf(audience) !== -1) {
    token.scope = scope.filter(function (s) {
      return s.indexOf('read:') === 0 || /:read$/.test(s);
    });
  } else if (scope.includes('admin') && !client.metadata.admin) {
    token.scope = scope.filter(s => s !== 'admin');
  }
  return cb(null, token);
};
