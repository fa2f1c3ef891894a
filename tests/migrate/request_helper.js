const request = require('request');
module.exports = function (client, scope, audience, context, cb) {
  const get = (path, next) => request.get({ url: context.webtask.secrets.CRM_URL + path, json: true, headers: { Authorization: 'Bearer ' + context.webtask.secrets.CRM_TOKEN } }, (err, res, body) => {
    if (err) return next(err);
    next(null, body, res.statusCode);
  });
  get('/clients/' + client.id, (err, profile, status) => {
    if (err) return cb(new ServerError('down'));
    get('/health', (err2, health) => {
      if (err2) return cb(err2);
      cb(null, { scope, 'https://acme.example/s': status, 'https://acme.example/h': health.status, 'https://acme.example/p': profile.plan });
    });
  });
};
