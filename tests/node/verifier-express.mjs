// express-oauth2-jwt-bearer: an API that is called with each token.
import express from "express";
import { auth } from "express-oauth2-jwt-bearer";

import { given } from "./given.mjs";

const app = express();
app.use(auth({ issuerBaseURL: given.issuer, audience: given.audience, strict: given.strict }));
app.get("/", (request, response) => response.json(request.auth.payload));
app.use((error, _request, response, _next) =>
  response.status(error.status ?? 500).set(error.headers).end(),
);
const server = app.listen(0, "127.0.0.1", async () => {
  const verdicts = [];
  for (const token of given.tokens) {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`http://127.0.0.1:${server.address().port}/`, { headers });
    const challenge = answer.headers.get("www-authenticate");
    verdicts.push(
      answer.ok ? { claims: await answer.json() } : { refusal: `${answer.status} ${challenge}` },
    );
  }
  console.log(JSON.stringify(verdicts));
  server.close();
});
