var request = require('request');

module.exports = function (client, scope, audience, context, cb) {
  var access_token = {};
  access_token.scope = scope;

  if (client.metadata.plan) {
    return finish(client.metadata.plan);
  }

  getPlan(client.id, context.webtask.secrets, function (err, plan) {
    if (err) return cb(err);
    finish(plan);
  });

  function finish(plan) {
    if (plan === 'blocked') {
      return cb(new InvalidScopeError('blocked'));
    }
    access_token['https://acme.example/plan'] = plan;
    cb(null, access_token);
  }
};

// Asks the CRM.
function getPlan(id, secrets, callback) {
  request.get(
    { url: secrets.CRM_URL + '/clients/' + id, headers: { Authorization: 'Bearer ' + secrets.CRM_TOKEN } },
    function (err, res, body) {
      if (err) return callback(err);
      if (res.statusCode >= 400) return callback(new ServerError('HTTP ' + res.statusCode));
      callback(null, JSON.parse(body).plan);
    }
  );
}
