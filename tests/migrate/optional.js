module.exports = async (client, scope, audience, context, cb) => {
  const roles = client.metadata.roles?.split(',').map(r => r.trim()) ?? [];
  const settings = client.metadata.settings ? JSON.parse(client.metadata.settings) : null;
  const t = { scope };
  t['https://acme.example/roles'] = roles;
  t['https://acme.example/theme'] = settings?.ui?.theme ?? 'light';
  t['https://acme.example/first'] = settings?.list?.[0];
  t['https://acme.example/len'] = settings?.list?.length;
  t['https://acme.example/up'] = client.name?.toUpperCase();
  t['https://acme.example/inc'] = scope?.includes('admin') || false;
  t['https://acme.example/x'] = client.metadata.other?.includes(client.metadata.roles?.slice(0, 1)) ?? 'no';
  cb(null, t);
};
