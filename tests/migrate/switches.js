module.exports = function (client, scope, audience, context, cb) {
  var t = { scope: scope };
  var limit;
  switch (client.metadata.tier) {
    case 'gold': limit = 1000; break;
    case 'silver':
    case 'bronze':
      limit = 100;
      if (client.metadata.boost) { limit *= 2; }
      break;
    case undefined:
      limit = 1;
      break;
    default:
      limit = 10;
  }
  t['https://acme.example/limit'] = limit;
  switch (scope.length) {
    case 0: return cb(new InvalidScopeError('none'));
    case 1: t['https://acme.example/one'] = true; // falls through
    case 2: t['https://acme.example/few'] = true; break;
    default: t['https://acme.example/many'] = scope.length;
  }
  cb(null, t);
};
