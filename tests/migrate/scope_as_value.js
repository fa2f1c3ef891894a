module.exports = function (client, scope, audience, context, cb) {
  const t = { scope: scope, 'https://acme.example/scopes': scope, 'https://acme.example/n': { scope: scope, list: [scope] } };
  t['https://acme.example/again'] = scope;
  t['https://acme.example/json'] = JSON.stringify(scope);
  t['https://acme.example/text'] = 'scopes: ' + scope;
  t['https://acme.example/tpl'] = `${scope}`;
  let extra = scope || ['default'];
  t['https://acme.example/extra'] = extra;
  t['https://acme.example/has'] = extra ? 1 : 0;
  t['https://acme.example/there'] = scope !== undefined;
  t['https://acme.example/number'] = 7 - 2.5 !== undefined;
  cb(null, t);
};
