module.exports = function (client, scope, audience, context, cb) {
  const asked = Number(client.metadata.quota || 100);
  const used = parseInt(client.metadata.used, 10) || 0;
  if (isNaN(asked)) {
    return cb(new InvalidRequestError('quota is no number: ' + client.metadata.quota));
  }
  let left = asked - used;
  if (left < 0) left = 0;
  const token = { scope: scope };
  token['https://acme.example/left'] = left;
  token['https://acme.example/percent'] = Math.round((left / asked) * 100);
  token['https://acme.example/half'] = left / 2;
  token['https://acme.example/text'] = 'left: ' + left + ' of ' + asked;
  if (left <= 0 || client.metadata.quota > 1000) {
    token.scope = [];
  }
  cb(null, token);
};
