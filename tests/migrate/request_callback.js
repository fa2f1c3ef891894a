const request = require('request');

module.exports = function (client, scope, audience, context, cb) {
  var access_token = {};
  access_token.scope = scope;

  const options = {
    method: 'GET',
    url: context.webtask.secrets.CRM_URL + '/clients/' + client.id,
    headers: {
      authorization: 'Bearer ' + context.webtask.secrets.CRM_TOKEN
    },
    json: true
  };

  request(options, function (error, response, body) {
    if (error) {
      return cb(new ServerError('could not reach the CRM'));
    }
    if (response.statusCode !== 200) {
      console.log('CRM said', response.statusCode);
      return cb(new InvalidRequestError('CRM said ' + response.statusCode));
    }

    access_token['https://acme.example/plan'] = body.plan || 'none';
    if (body.roles && body.roles.length > 0) {
      access_token['https://acme.example/first'] = body.roles[0].name;
    }
    cb(null, access_token);
  });
};
