/**
@param {object} client - the application that asks for a token
@param {string} client.name - its name
@param {string} client.id - its id
@param {object} client.metadata - what is kept about it
@param {array|undefined} scope - the granted scopes, or undefined
@param {string} audience - the API
@param {object} context - everything else
@param {function} cb - function (error, accessTokenClaims)
*/
module.exports = function (client, scope, audience, context, cb) {
  var access_token = {};
  access_token.scope = scope; // keeps what was granted

  // Claims of our own
  access_token['https://acme.example/claim'] = 'bar';
  // access_token.scope.push('extra');

  cb(null, access_token);
};
