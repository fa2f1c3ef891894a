module.exports = function (client, scope, audience, context, cb) {
  let rules;
  try {
    rules = JSON.parse(client.metadata.rules);
  } catch (err) {
    return cb(new InvalidRequestError('bad rules'));
  }
  const t = { scope };
  const NS = 'https://acme.example/';
  t[NS + 'limit'] = rules.limit;
  t[NS + 'has'] = !!rules.list;
  t[NS + 'n'] = rules.list ? rules.list.length : 0;
  t[NS + 'nulls'] = rules.nothing;
  t[NS + 'isnull'] = rules.nothing == null;
  t[NS + 'first'] = rules.list && rules.list[0];
  t[NS + 'text'] = 'limit ' + rules.limit;
  t[NS + 'deep'] = rules.a && rules.a.b && rules.a.b.c;
  t[NS + 'plus'] = rules.limit + 1;
  if (rules.limit > 10 || rules.admin === true) t[NS + 'big'] = true;
  if (rules.enabled == 'true') t[NS + 'en'] = 1;
  if (rules.roles.includes('admin')) t[NS + 'role'] = 'admin';
  cb(null, t);
};
