module.exports = function (client, scope, audience, context, cb) {
  const axios = require('axios');
  const secrets = context.webtask.secrets;
  let access_token = { scope: scope };

  axios({
    method: 'post',
    url: secrets.CRM_URL + '/search',
    headers: { Authorization: 'Bearer ' + secrets.CRM_TOKEN },
    data: { client: client.id, audience: audience }
  })
    .then(function (res) {
      if (res.status === 204) {
        return [];
      }
      return res.data.results;
    })
    .then((results) => {
      access_token['https://acme.example/found'] = results.length;
      access_token['https://acme.example/names'] = results.map((r) => r.name).join(', ');
      cb(null, access_token);
    })
    .catch((err) => {
      cb(new Error(err.message));
    });
};
