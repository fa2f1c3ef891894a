module.exports = function (client, scope, audience, context, cb) {
  const t = { scope };
  t['https://acme.example/a'] = ['x', client.metadata.tier, undefined, null].join(',');
  t['https://acme.example/b'] = ['x', client.metadata.tier].filter(Boolean).length;
  t['https://acme.example/c'] = [3, 1, 10].map(String).join();
  t['https://acme.example/d'] = [client.metadata.n].map(Number);
  t['https://acme.example/e'] = ['b', 'a'].sort().concat([]).slice(-1)[0];
  t['https://acme.example/f'] = Array.isArray(client.metadata.list) ? 1 : 2;
  t['https://acme.example/g'] = [['a', 1], ['b', 2]].map(([k, v]) => k + v);
  t['https://acme.example/h'] = Array.from(new Set(['a', 'a', 'b'])).length;
  t['https://acme.example/i'] = [1, 2, 3].reduce((a, b) => a + b, 0);
  t['https://acme.example/j'] = ['a', 'b'].reduce((acc, x) => { acc[x] = true; return acc; }, {});
  for (const k of ['d']) if (isNaN(t['https://acme.example/' + k][0])) t['https://acme.example/' + k] = 'nan';
  cb(null, t);
};
