const axios = require('axios');

const api = (secrets) => ({ Authorization: 'Bearer ' + secrets.CRM_TOKEN });

function getClient(id, secrets) {
  return axios
    .get(secrets.CRM_URL + '/clients/' + id, { headers: api(secrets) })
    .then((response) => response.data)
    .catch((error) => {
      if (error.response && error.response.status === 404) {
        return { active: true, plan: 'unknown', roles: [] };
      }
      throw error;
    });
}

module.exports = function (client, scope, audience, context, cb) {
  const secrets = context.webtask.secrets;
  const access_token = { scope };
  getClient(client.id, secrets)
    .then((found) => {
      if (!found.active) {
        throw new InvalidRequestError('not active');
      }
      access_token['https://acme.example/plan'] = found.plan;
      return axios.get(`${secrets.CRM_URL}/health`, { headers: api(secrets) });
    })
    .then(({ data: { status } }) => {
      access_token['https://acme.example/health'] = status;
      cb(null, access_token);
    })
    .catch((error) => cb(error instanceof InvalidRequestError ? error : new ServerError('failed')));
};
