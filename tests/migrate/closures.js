module.exports = function (client, scope, audience, context, cb) {
  let plan;
  function load() { plan = client.metadata.tier; }
  plan = 'x';
  load();
  const t = { scope };
  t['https://acme.example/plan'] = plan;
  t['https://acme.example/text'] = 'plan ' + plan;
  if (plan) { reset(); t['https://acme.example/after'] = plan; }
  function reset() { plan = undefined; }
  cb(null, t);
};
