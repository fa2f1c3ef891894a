module.exports = function (client, scope, audience, context, cb) {
  try {
    var data = JSON.parse(client.metadata.data || '{}');
    if (!data.ok) throw new Error('not ok');
    cb(null, { scope: scope, 'https://acme.example/d': data.v });
  } catch (e) {
    cb(new InvalidRequestError('failed: ' + e));
  }
};
