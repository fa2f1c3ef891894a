module.exports = function (client, scope, audience, context, cb) {
  var x = 'outer';
  { let x = 'inner'; console.log(x); }
  for (let x = 0; x < 2; x++) { console.log(x); }
  var f = function () { var x = 'f'; return x; };
  const g = (x) => x + '!';
  if (client.metadata.tier) { var late = client.metadata.tier; }
  cb(null, { scope, 'https://acme.example/x': x + f() + g(x), 'https://acme.example/late': late });
};
