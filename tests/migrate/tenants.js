const TENANTS = { acme: { region: 'eu', features: { beta: true } }, globex: { region: 'us' } };

module.exports = (client, scope, audience, context, callback) => {
  const tenant = TENANTS[client.tenant];
  const region = tenant?.region ?? 'nowhere';
  const beta = tenant?.features?.beta ? 'yes' : 'no';
  callback(null, {
    scope,
    'https://acme.example/region': region,
    'https://acme.example/beta': beta,
    'https://acme.example/note': client.metadata.note ?? `none for ${client.tenant}`,
  });
};
