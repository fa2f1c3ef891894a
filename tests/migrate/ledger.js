/* The party rights of a ledger, kept as JSON in the metadata. */
module.exports = function(client, scope, audience, context, cb) {
  var text = "";
  var token;
  text = String(client.metadata.token);
  try {
    token = JSON.parse(text);
  } catch (e) {
    console.log("no token for " + client.id, e.message);
    return cb(new InvalidRequestError("client " + client.id + " has no ledger token"));
  }

  var access_token = {};
  access_token.scope = scope;
  access_token['https://ledger.example/claims'] = {
    "ledgerId": "2d105384",
    "participantId": null,
    "applicationId": token["application_id"],
    // parties that it may act for
    "actAs": token["actAs"],
    "readAs": token["readAs"] || [],
    "admin": token.admin === true // never anything but a boolean
  };
  cb(null, access_token);
};
