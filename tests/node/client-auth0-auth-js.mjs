// The documented system's library for servers: reads the metadata, then asks for a token.
import { AuthClient } from "@auth0/auth0-auth-js";

import { given } from "./given.mjs";

const proof =
  given.method === "private_key_jwt"
    ? { clientAssertionSigningKey: given.pem, clientAssertionSigningAlg: "RS256" }
    : { clientSecret: given.secret };
const client = new AuthClient({
  domain: given.host,
  clientId: given.client_id,
  ...proof,
});
const token = await client.getTokenByClientCredentials({ audience: given.audience });
console.log(
  JSON.stringify({
    access_token: token.accessToken,
    token_type: token.tokenType,
    expires_in: Math.round(token.expiresAt - Date.now() / 1000),
  }),
);
