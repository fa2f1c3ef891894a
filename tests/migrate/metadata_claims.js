'use strict';

const NAMESPACE = 'https://acme.example/';

// Every metadata entry whose name begins with claim_ becomes a claim.
module.exports = function (client, scope, audience, context, cb) {
  const access_token = { scope };

  for (const key in client.metadata) {
    if (!key.startsWith('claim_')) continue;
    access_token[NAMESPACE + key.substring(6)] = client.metadata[key];
  }
  access_token[`${NAMESPACE}client`] = `${client.name} (${client.id})`;

  cb(null, access_token);
};
