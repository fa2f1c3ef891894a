// Written against claimhooks' own registry, where metadata may be any JSON.
module.exports = function (client, scope, audience, context, cb) {
  const { limits, name } = client.metadata;
  const roles = client.metadata.roles || [];
  const token = { scope };

  token['https://acme.example/roles'] = roles.filter((role) => role !== 'x').map((role) => role.toUpperCase());
  if (client.metadata.flags) {
    token['https://acme.example/flags'] = client.metadata.flags.length;
    for (const flag of client.metadata.flags) {
      token[`https://acme.example/flag/${flag}`] = true;
    }
  } else {
    token['https://acme.example/flags'] = 'none';
  }
  token['https://acme.example/rate'] = limits?.rate ?? 10;
  token['https://acme.example/region'] = client.metadata.place && client.metadata.place.region;
  token['https://acme.example/name'] = name ? `named ${name}` : 'nameless';
  cb(null, token);
};
