"""auth0-python: a token by GetToken.client_credentials, for what stands on the standard input."""

import json
import sys

from auth0.authentication import GetToken

given = json.load(sys.stdin)
proof = (
    {"client_assertion_signing_key": given["pem"]}
    if given["method"] == "private_key_jwt"
    else {"client_secret": given["secret"]}
)
client = GetToken(given["host"], given["client_id"], **proof)
json.dump(client.client_credentials(given["audience"]), sys.stdout)
