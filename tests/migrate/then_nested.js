const axios = require('axios');
module.exports = function (client, scope, audience, context, cb) {
  const url = context.webtask.secrets.CRM_URL, auth = { headers: { Authorization: 'Bearer ' + context.webtask.secrets.CRM_TOKEN } };
  axios.get(url + '/clients/' + client.id, auth)
    .then(function (response) {
      return response.data;
    })
    .then(function (profile) {
      if (!profile.active) { return cb(new InvalidScopeError('inactive')); }
      return axios.get(url + '/health', auth).then(function (health) {
        cb(null, { scope: scope, 'https://acme.example/h': health.data.status, 'https://acme.example/p': profile.plan });
      });
    })
    .catch(function (err) { cb(new ServerError('failed')); });
};
