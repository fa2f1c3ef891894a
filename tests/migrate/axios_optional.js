const axios = require('axios');
module.exports = async function (client, scope, audience, context, cb) {
  const token = { scope };
  const { CRM_URL, CRM_TOKEN } = context.webtask.secrets;
  try {
    const response = await axios.get(`${CRM_URL}/clients/${client.id}`, { headers: { Authorization: `Bearer ${CRM_TOKEN}` } });
    const profile = response.data;
    if (!profile || !profile.active) {
      return cb(new InvalidScopeError('inactive'));
    }
    profile.scopes.forEach((s) => {
      if (!token.scope.includes(s)) token.scope.push(s);
    });
    token['https://acme.example/roles'] = profile.roles.map(({ name }) => name || 'none');
    token['https://acme.example/status'] = response.status;
    return cb(null, token);
  } catch (error) {
    if (error.response?.status === 404) {
      return cb(new InvalidRequestError('unknown'));
    }
    if (error.response) {
      return cb(new ServerError('crm ' + error.response.status));
    }
    return cb(error);
  }
};
