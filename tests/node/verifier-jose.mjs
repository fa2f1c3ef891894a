// jose: verifies each token with the issuer's remote key set.
import { createRemoteJWKSet, jwtVerify } from "jose";

import { given } from "./given.mjs";

const keys = createRemoteJWKSet(new URL(given.jwks_uri));
const expected = { issuer: given.issuer, audience: given.audience, typ: given.typ };
const verdicts = [];
for (const token of given.tokens) {
  try {
    const { payload } = await jwtVerify(token, keys, expected);
    verdicts.push({ claims: payload });
  } catch (error) {
    verdicts.push({ refusal: `${error.code} ${error.message}` });
  }
}
console.log(JSON.stringify(verdicts));
