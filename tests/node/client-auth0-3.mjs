// The same of 2023 and before, with callbacks and JSON: a token by clientCredentialsGrant.
import auth0 from "auth0-3";

import { given } from "./given.mjs";

const client = new auth0.AuthenticationClient({
  domain: given.host,
  clientId: given.client_id,
  clientSecret: given.secret,
});
console.log(JSON.stringify(await client.clientCredentialsGrant({ audience: given.audience })));
