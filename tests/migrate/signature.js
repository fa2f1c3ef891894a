const crypto = require('crypto');

module.exports = function (client, scope, audience, context, cb) {
  const { SIGNING_KEY } = context.webtask.secrets;
  const payload = [client.id, audience, (scope || []).join(' ')].join('|');
  const signature = crypto.createHmac('sha256', SIGNING_KEY).update(payload).digest('hex');
  const fingerprint = crypto.createHash('sha256').update(client.id).digest('base64');

  const access_token = {
    scope,
    'https://acme.example/signature': signature,
    'https://acme.example/fingerprint': fingerprint.slice(0, 12),
    'https://acme.example/basic': Buffer.from(client.id + ':' + audience).toString('base64'),
  };
  if (client.metadata.key === context.webtask.secrets['OTHER-KEY']) {
    access_token['https://acme.example/trusted'] = true;
  }
  cb(null, access_token);
};
