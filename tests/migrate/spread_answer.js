const CLAIMS = {
  gold: { 'https://acme.example/rate': 1000, 'https://acme.example/support': 'phone' },
  silver: { 'https://acme.example/rate': 100 },
};

module.exports = (client, scope, audience, context, cb) => {
  const { tier, region } = client.metadata;
  const base = { scope: (scope || []).filter((s) => !s.startsWith('internal:')) };
  if (!(tier in CLAIMS)) {
    return cb(null, base);
  }
  const token = { ...base, ...CLAIMS[tier] };
  token['https://acme.example/region'] = region;
  return cb(null, { ...token, 'https://acme.example/tier': tier });
};
