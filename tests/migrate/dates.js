module.exports = function (client, scope, audience, context, cb) {
  const t = { scope };
  const now = new Date();
  const day = 24 * 60 * 60 * 1000;
  const until = new Date(now.getTime() + 30 * day);
  t['https://acme.example/later'] = until > now;
  t['https://acme.example/diff'] = Math.round((until - now) / day);
  t['https://acme.example/iso'] = until.toISOString().length;
  t['https://acme.example/exp'] = Math.floor(Date.now() / 1000) + 3600 > 0;
  cb(null, t);
};
