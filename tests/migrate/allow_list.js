const ALLOWED = new Set(['orders-worker', 'billing-worker']);
const LIMITS = {
  gold: { rate: 1000, burst: 50 },
  silver: { rate: 100, burst: 5 },
};
const DEFAULTS = { rate: 10 };

module.exports = function (client, scope, audience, context, cb) {
  if (!ALLOWED.has(client.id)) {
    cb(new InvalidRequestError('client ' + client.id + ' is not on the list'));
    return;
  }
  const limits = LIMITS[client.metadata.tier] || DEFAULTS;
  const access_token = Object.assign({}, { scope: scope });
  access_token['https://acme.example/limits'] = { ...limits, burst: limits.burst || 1 };
  access_token['https://acme.example/known'] = client.metadata.tier in LIMITS;
  cb(null, access_token);
};
