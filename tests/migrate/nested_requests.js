const request = require('request');

// First the client, then whether the CRM is well; both in callbacks.
module.exports = function (client, scope, audience, context, cb) {
  const { CRM_URL, CRM_TOKEN } = context.webtask.secrets;
  const headers = { Authorization: `Bearer ${CRM_TOKEN}` };

  request.get({ url: `${CRM_URL}/clients/${client.id}`, headers, json: true }, (err, res, profile) => {
    if (err) {
      return cb(err);
    }
    if (res.statusCode === 404) {
      // unknown clients get a token without scopes
      return cb(null, { 'https://acme.example/known': false });
    }
    if (res.statusCode !== 200) return cb(new ServerError('CRM: ' + res.statusCode));

    request({ url: CRM_URL + '/health', method: 'GET', headers: headers }, function (error, response, body) {
      if (error || response.statusCode >= 400) {
        cb(new ServerError('CRM is not well'));
        return;
      }
      const health = JSON.parse(body);
      const access_token = { scope: scope };
      access_token['https://acme.example/plan'] = profile.plan;
      access_token['https://acme.example/health'] = health.status === 'up' ? 1 : 0;
      cb(null, access_token);
    });
  });
};
