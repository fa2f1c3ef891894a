const fetch = require('node-fetch');
module.exports = async (client, scope, audience, context, cb) => {
  const { CRM_URL, CRM_TOKEN } = context.webtask.secrets;
  const response = await fetch(`${CRM_URL}/clients/${client.id}`, { method: 'GET', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${CRM_TOKEN}` } });
  if (response.status === 404) return cb(new InvalidRequestError('unknown client'));
  if (!response.ok) return cb(new ServerError(`CRM answered ${response.status}`));
  const body = await response.json();
  const access_token = { scope };
  if (body.active) access_token['https://acme.example/plan'] = body.plan;
  Object.keys(body).forEach(k => { if (typeof body[k] === 'string') access_token[`https://acme.example/${k}`] = body[k]; });
  cb(null, access_token);
};
