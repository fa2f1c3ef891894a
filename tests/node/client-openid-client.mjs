// openid-client: finds the issuer's metadata, then asks for a token.
import { importPKCS8 } from "jose";
import * as client from "openid-client";

import { given } from "./given.mjs";

const proofs = {
  client_secret_basic: () => client.ClientSecretBasic(given.secret),
  client_secret_post: () => client.ClientSecretPost(given.secret),
  private_key_jwt: async () => client.PrivateKeyJwt(await importPKCS8(given.pem, "RS256")),
};
const configuration = await client.discovery(
  new URL(given.issuer),
  given.client_id,
  undefined,
  await proofs[given.method](),
  { algorithm: given.discovery },
);
const parameters = { audience: given.audience };
try {
  const token = await client.clientCredentialsGrant(configuration, parameters);
  console.log(JSON.stringify(token));
} catch (error) {
  console.error(error.error, error.error_description);
  throw error;
}
