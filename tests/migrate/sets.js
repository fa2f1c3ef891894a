module.exports = function (client, scope, audience, context, cb) {
  const s = new Set(scope);
  s.add('added'); s.add('a');
  if (s.has('admin')) s.add('super');
  const out = [];
  s.forEach(x => out.push(x));
  for (const x of s) out.push(x + '2');
  cb(null, { scope: [...s], 'https://acme.example/n': s.size, 'https://acme.example/out': out, 'https://acme.example/arr': Array.from(s) });
};
