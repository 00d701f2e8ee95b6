"""Authlib: a token by private_key_jwt. Arguments: issuer, client_id, file of an RSA key in PEM."""

import sys

from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT, private_key_jwt_sign

issuer, client_id, key_file = sys.argv[1:]
token_endpoint = issuer + "/protocol/openid-connect/token"


class OneMinute(PrivateKeyJWT):
    """Its own assertions live for an hour, which no server should take."""

    def sign(self, auth, token_endpoint):
        return private_key_jwt_sign(
            auth.client_secret, client_id=auth.client_id, token_endpoint=token_endpoint, alg=self.alg, expires_in=60
        )


with open(key_file) as file:
    session = OAuth2Session(client_id, file.read(), token_endpoint_auth_method="private_key_jwt")
session.register_client_auth_method(OneMinute(token_endpoint))
for _ in range(2):
    token = session.fetch_token(token_endpoint, grant_type="client_credentials")
print(token["access_token"])
