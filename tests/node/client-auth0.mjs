// The documented system's own client: a token by oauth.clientCredentialsGrant.
import { AuthenticationClient } from "auth0";

import { given } from "./given.mjs";

const proof =
  given.method === "private_key_jwt"
    ? { clientAssertionSigningKey: given.pem }
    : { clientSecret: given.secret };
const client = new AuthenticationClient({
  domain: given.host,
  clientId: given.client_id,
  ...proof,
});
const { data } = await client.oauth.clientCredentialsGrant({ audience: given.audience });
console.log(JSON.stringify(data));
