module.exports = function (client, scope, audience, context, cb) {
  const t = { scope };
  const n = parseInt(client.metadata.n);
  const f = Number(client.metadata.n);
  t['https://acme.example/isnan'] = isNaN(n);
  t['https://acme.example/n'] = isNaN(n) ? null : n;
  t['https://acme.example/half'] = isNaN(f) ? -1 : f / 2;
  t['https://acme.example/third'] = Math.round(f / 3 * 100) / 100 || 0;
  t['https://acme.example/cat'] = n + '' + 1;
  t['https://acme.example/neg'] = -n || 'zero';
  t['https://acme.example/str'] = '' + f;
  t['https://acme.example/cmp'] = n > 2 && f < 100;
  t['https://acme.example/falsy'] = n ? 'y' : 'n';
  cb(null, t);
};
