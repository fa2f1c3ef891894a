// Sets one claim and, as many did by mistake, no scope.
module.exports = function (client, scope, audience, context, cb) {
  const access_token = {};
  access_token['https://acme.example/service'] = client.name;
  cb(null, access_token);
};
