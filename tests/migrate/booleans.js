module.exports = function (client, scope, audience, context, cb) {
  const t = { scope };
  const isAdmin = client.metadata.admin === 'true' && scope && scope.includes('admin');
  t['https://acme.example/admin'] = isAdmin;
  t['https://acme.example/either'] = client.metadata.a || client.metadata.b;
  t['https://acme.example/and'] = client.metadata.a && client.metadata.b;
  t['https://acme.example/scoped'] = scope && scope.length;
  t['https://acme.example/not'] = !scope;
  t['https://acme.example/num'] = Number(client.metadata.n) || 5;
  t['https://acme.example/int'] = parseInt(client.metadata.n, 10) || 0;
  t['https://acme.example/str'] = String(client.metadata.n) + (client.metadata.n || 0);
  t['https://acme.example/ternary'] = scope ? scope.join(' ') : '';
  cb(null, t);
};
