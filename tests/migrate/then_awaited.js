const axios = require('axios');
module.exports = async function (client, scope, audience, context, cb) {
  const data = await axios.get(context.webtask.secrets.CRM_URL + '/clients/' + client.id, { headers: { Authorization: 'Bearer ' + context.webtask.secrets.CRM_TOKEN } }).then(r => r.data).catch(() => null);
  const seen = { up: false };
  await axios.get(context.webtask.secrets.CRM_URL + '/health', { headers: { Authorization: 'Bearer ' + context.webtask.secrets.CRM_TOKEN } })
    .then((r) => { seen.up = r.status === 200; })
    .catch((err) => { seen.down = err.response ? err.response.status : 0; });
  if (!data) return cb(null, { scope: [] });
  cb(null, { scope: scope.concat(data.scopes), 'https://acme.example/r': data.roles, 'https://acme.example/seen': seen });
};
