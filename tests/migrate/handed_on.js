module.exports = function (client, scope, audience, context, cb) {
  const access_token = {};
  access_token.scope = scope; // stays

  if (client.metadata.subject && client.metadata.subject.startsWith('urn:')) {
    exchangeSubject(client.metadata.subject, cb);
  } else {
    cb(null, access_token);
  }

  // Functions only from here on

  /**
   * Reads the subject.
   * @param {string} subject what was sent
   */
  function exchangeSubject(subject, callback) {
    const parts = subject.split(':');
    if (parts.length < 3) {
      callback(new InvalidRequestError('subject ' + subject + ' is too short'));
    } else {
      access_token['https://acme.example/subject'] = parts[parts.length - 1];
      callback(null, access_token);
    }
  }
};
