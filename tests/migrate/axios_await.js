const axios = require('axios');

// Asks the CRM what plan the client is on.
module.exports = async (client, scope, audience, context, cb) => {
  const access_token = {};
  access_token.scope = scope;
  const { CRM_URL, CRM_TOKEN } = context.webtask.secrets;

  try {
    const { data } = await axios.get(`${CRM_URL}/clients/${encodeURIComponent(client.id)}`, {
      headers: { Authorization: `Bearer ${CRM_TOKEN}` },
      params: { fields: 'plan,roles' },
      timeout: 5000,
    });
    if (!data.active) {
      return cb(new InvalidRequestError(`client ${client.id} is not active`));
    }
    access_token['https://acme.example/plan'] = data.plan;
    access_token['https://acme.example/roles'] = data.roles.map(r => r.name).filter(Boolean);
    access_token['https://acme.example/nothing'] = data.nothing;
  } catch (err) {
    console.error('lookup failed', err.message);
    if (err.response && err.response.status === 404) {
      return cb(new InvalidRequestError('unknown client'));
    }
    return cb(new ServerError('lookup failed'));
  }

  cb(null, access_token);
};
