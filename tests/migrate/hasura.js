module.exports = function (client, scope, audience, context, cb) {
  var access_token = {};
  access_token.scope = scope;

  // Machines get service claims in the graph
  if (audience === 'https://graph.example/') {
    const SERVICE_ROLE = client.metadata.role || 'service';
    const NAMESPACE = 'https://graph.example/jwt/claims';

    access_token[NAMESPACE] = {
      'x-hasura-default-role': SERVICE_ROLE,
      // it may ask as a user, too
      'x-hasura-allowed-roles': [SERVICE_ROLE, 'user'],
      'x-hasura-client-id': client.id,
      'x-hasura-client-name': client.name,
      'x-hasura-org': client.metadata.org,
    };
  }

  cb(null, access_token);
};
