module.exports = function (client, scope, audience, context, cb) {
  check(client, function (err, ok, why) {
    if (err) { return cb(err); }
    if (!ok) { return cb(new InvalidScopeError(why)); }
    return cb(null, { scope: scope });
  });
};
function check(c, done) {
  if (!c.metadata.tier) { return done(null, false, 'no tier'); }
  if (c.metadata.tier === 'silver') { return done(new InvalidRequestError('silver')); }
  done(null, true);
}
