module.exports = function (client, scope, audience, context, cb) {
  const now = new Date();
  const { expires_at: expires } = client.metadata;
  if (expires && new Date(expires) < now) {
    return cb(new InvalidRequestError('the contract of this client ended at ' + expires));
  }
  const access_token = { scope };
  if (expires) {
    const days = Math.floor((new Date(expires).getTime() - Date.now()) / (24 * 60 * 60 * 1000));
    access_token['https://acme.example/days_left'] = days;
    access_token['https://acme.example/until'] = new Date(expires).toISOString();
  }
  cb(null, access_token);
};
