module.exports = function (client, scope, audience, context, cb) {
  let access_token = { scope: scope };

  switch (audience) {
    case 'https://api.acme.example/':
    case 'https://api2.acme.example/':
      access_token['https://acme.example/kind'] = 'internal';
      break;
    case 'https://partner.example/':
      // partners see less
      access_token.scope = scope.filter((s) => !s.endsWith(':write'));
      access_token['https://acme.example/kind'] = 'partner';
      if (client.metadata.partner) {
        access_token['https://acme.example/partner'] = client.metadata.partner;
      }
      break;
    case 'https://old.example/':
      access_token['https://acme.example/old'] = true;
    case 'https://odd.example/':
      access_token['https://acme.example/kind'] = 'odd';
      break;
    default:
      return cb(new InvalidRequestError('unknown audience: ' + audience));
  }

  cb(null, access_token);
};
