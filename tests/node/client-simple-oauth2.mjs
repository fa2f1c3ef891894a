// simple-oauth2: a form beside a Basic header, or JSON with the secret in it.
import { ClientCredentials } from "simple-oauth2";

import { given } from "./given.mjs";

const ways = {
  client_secret_basic: { authorizationMethod: "header", bodyFormat: "form" },
  client_secret_post: { authorizationMethod: "body", bodyFormat: "json" },
};
const client = new ClientCredentials({
  client: { id: given.client_id, secret: given.secret },
  auth: { tokenHost: given.issuer },
  options: ways[given.method],
});
try {
  const { token } = await client.getToken({ audience: given.audience });
  console.log(JSON.stringify(token));
} catch (error) {
  console.error(error.data?.payload);
  throw error;
}
