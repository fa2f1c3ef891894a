const merge = (a, b) => ({ ...a, ...b });

module.exports = function (client, scope, audience, context, cb) {
  const defaults = { region: 'eu', tier: 'free' };
  const own = Object.assign({}, client.metadata);
  delete own.internal;
  const all = merge(defaults, own);
  const upper = {};
  Object.keys(all).sort().forEach((key) => {
    upper[key.toUpperCase()] = all[key];
  });
  const pairs = Object.entries(all).map(([key, value]) => `${key}=${value}`);
  const short = Object.keys(all).filter((key) => key.length < 5);
  const access_token = { scope };
  access_token['https://acme.example/upper'] = upper;
  access_token['https://acme.example/pairs'] = pairs.sort();
  access_token['https://acme.example/short'] = short;
  access_token['https://acme.example/json'] = JSON.stringify({ tier: all.tier, missing: own.missing, n: [1, null] });
  access_token['https://acme.example/has'] = own.hasOwnProperty('tier');
  access_token['https://acme.example/values'] = Object.values(all).length;
  if (Object.keys(own).length === 0) {
    access_token['https://acme.example/empty'] = true;
  }
  cb(null, access_token);
};
