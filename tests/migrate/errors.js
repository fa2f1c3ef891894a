module.exports = function (client, scope, audience, context, cb) {
  const { deny, reason } = client.metadata;

  // Deny the token with an OAuth 2.0 error response
  if (deny === 'scope') {
    return cb(new InvalidScopeError(reason || 'Not authorized for this scope.'));
  }
  if (deny === 'request') {
    return cb(new InvalidRequestError('Not a valid request.'));
  }
  if (deny === 'server') {
    return cb(new ServerError(`A server error occurred: ${reason}`));
  }
  if (deny === 'error') {
    const error = new Error('something else');
    error.code = 42;
    return cb(error);
  }
  if (deny === 'call') return cb(Error('made without new'));
  if (deny === 'text') return cb('just text');

  cb(null, { scope: scope });
};
