const rp = require('request-promise');

module.exports = function (client, scope, audience, context, cb) {
  const access_token = { scope };
  rp({
    uri: `${context.webtask.secrets.CRM_URL}/clients/${client.id}`,
    headers: { Authorization: 'Bearer ' + context.webtask.secrets.CRM_TOKEN },
    json: true,
  })
    .then((body) => {
      access_token['https://acme.example/plan'] = body.plan;
      return cb(null, access_token);
    })
    .catch(cb);
};
