module.exports = function (client, scope, audience, context, cb) {
    var access_token = {};

    // what has been granted
    access_token.scope = scope || [];

    // and one more, for clients that are allowed to export
    if (client.metadata.export === 'yes') {
        access_token.scope.push('reports:export');
    }

    cb(null, access_token);
};
