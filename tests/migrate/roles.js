// Roles stand in the metadata, separated by commas; each brings scopes.
const SCOPES = {
  reader: ['orders:read', 'invoices:read'],
  writer: ['orders:read', 'orders:write'],
  auditor: ['audit:read'],
};

module.exports = function (client, scope, audience, context, cb) {
  const roles = (client.metadata.roles || '')
    .split(',')
    .map((role) => role.trim().toLowerCase())
    .filter((role) => role);
  const unknown = roles.filter((role) => !SCOPES[role]);
  if (unknown.length) {
    return cb(new InvalidScopeError(`unknown roles: ${unknown.join(', ')}`));
  }
  const fromRoles = roles.reduce((all, role) => all.concat(SCOPES[role]), []);
  const access_token = {
    scope: [...new Set([...scope, ...fromRoles])],
    'https://acme.example/roles': roles,
  };
  if (roles.some((role) => role === 'writer') && roles.every((role) => role !== 'auditor')) {
    access_token['https://acme.example/writes'] = true;
  }
  const first = roles.find((role) => role.length > 6);
  access_token['https://acme.example/long'] = first;
  cb(null, access_token);
};
