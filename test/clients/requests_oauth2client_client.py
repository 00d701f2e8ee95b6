"""requests-oauth2client: a token by private_key_jwt. Arguments: issuer, client_id, file of a JWK with its kid and alg."""

import json
import sys

from requests_oauth2client import OAuth2Client, PrivateKeyJwt

issuer, client_id, key_file = sys.argv[1:]
with open(key_file) as file:
    auth = PrivateKeyJwt(client_id, json.load(file))
# It talks https alone unless it is a test.
client = OAuth2Client(issuer + "/protocol/openid-connect/token", auth=auth, testing=True)
for _ in range(2):
    token = client.client_credentials()
print(token.access_token)
