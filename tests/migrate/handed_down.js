const request = require('request');

// The callback of the hook goes from function to function.
module.exports = function (client, scope, audience, context, cb) {
  const secrets = context.webtask.secrets;
  const headers = { Authorization: 'Bearer ' + secrets.CRM_TOKEN };
  const token = { scope: scope };

  const describe = (answer, depot, done) => {
    answer['https://depot.example/name'] = depot;
    request({ url: secrets.CRM_URL + '/clients/' + client.id, headers: headers }, (error, response, body) => {
      if (response.statusCode === 200) {
        for (const role of JSON.parse(body).roles) {
          answer['https://depot.example/' + role.name] = role.level;
        }
      }
      done(null, answer);
    });
  };
  const locate = (answer, place, done) => {
    request.post({ url: secrets.CRM_URL + '/search', headers: headers, json: true, body: { client: place, audience: audience } }, (error, response, body) => {
      if (response.statusCode === 401) {
        done(new InvalidRequestError('no such depot'));
      } else if (response.statusCode !== 200) {
        done(new ServerError('the depots are closed'));
      } else {
        describe(answer, body.results[0].name, done);
      }
    });
  };

  if (client.metadata.place) {
    locate(token, client.metadata.place, cb);
  } else {
    cb(null, token);
  }
};
