module.exports = function (c, s, a, ctx, done) {
  var claims = {};
  var env = /staging|test/i.test(c.name || '') ? 'staging' : (c.metadata.env ? c.metadata.env : 'production');
  claims['https://acme.example/env'] = env;
  claims['https://acme.example/debug'] = !!c.metadata.debug;
  claims['https://acme.example/level'] = c.metadata.level === undefined ? 0 : parseInt(c.metadata.level, 10);
  claims.scope = env === 'production' ? s : s.filter(x => x !== 'payments:write').concat(['sandbox']);
  c.metadata.suspended === 'true'
    ? done(new InvalidRequestError('suspended'))
    : done(null, claims);
};
