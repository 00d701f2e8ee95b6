"""Reads Mintmark's status lists. Needs the package `cryptography`; for other algorithms than ES256 use a JWT library."""

import base64
import json
import time
import urllib.request
import zlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

MAX_BYTES = 16 * 1024 * 1024


class Refused(Exception):
    """The token is not to be accepted: it was revoked, or its status cannot be known."""


def _unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _fetch(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read(MAX_BYTES)


class StatusLists:
    """The status lists of one issuer, each fetched once per `ttl`. Make one and keep it."""

    def __init__(self, issuer, fetch=_fetch, clock=time.time):
        self._issuer, self._fetch, self._clock = issuer, fetch, clock
        self._lists = {}

    def check(self, claims):
        """Returns when the verified token with these claims is not revoked. Raises Refused; network errors pass through."""
        try:
            reference = claims["status"]["status_list"]
            uri, index = reference["uri"], reference["idx"]
        except (KeyError, TypeError):
            raise Refused("the token names no status list") from None
        # The signer may not send us elsewhere.
        if not isinstance(uri, str) or not uri.startswith(self._issuer + "/"):
            raise Refused("the status list is not the issuer's")
        bits, data = self._current(uri)
        if not isinstance(index, int) or index < 0 or index * bits >= len(data) * 8:
            raise Refused("the index is beyond the list")
        at = index * bits
        if data[at // 8] >> (at % 8) & ((1 << bits) - 1) != 0:
            raise Refused("revoked")

    def _current(self, uri):
        now = self._clock()
        kept = self._lists.get(uri)
        if kept and now < kept[0]:
            return kept[1]
        claims = self._verify(self._fetch(uri).decode("ascii"))
        if claims.get("sub") != uri or claims.get("iss", self._issuer) != self._issuer:
            raise Refused("the list is another one")
        if not claims.get("iat", now + 1) <= now + 5 or not now < claims.get("exp", 0):
            raise Refused("the list is not of now")
        status_list = claims.get("status_list") or {}
        bits = status_list.get("bits")
        if bits not in (1, 2, 4, 8):
            raise Refused("the list is unreadable")
        try:
            data = zlib.decompressobj().decompress(_unbase64(status_list["lst"]), MAX_BYTES)
        except (KeyError, ValueError, zlib.error):
            raise Refused("the list is unreadable") from None
        self._lists[uri] = (min(now + claims.get("ttl", 10), claims["exp"]), (bits, data))
        return bits, data

    def _verify(self, jwt):
        try:
            head, body, signature = jwt.split(".")
            header, raw = json.loads(_unbase64(head)), _unbase64(signature)
            if header["alg"] != "ES256" or header["typ"] != "statuslist+jwt" or len(raw) != 64:
                raise Refused("the list is not a signed status list")
            self._key(header["kid"]).verify(
                encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")),
                f"{head}.{body}".encode("ascii"),
                ECDSA(SHA256()),
            )
            return json.loads(_unbase64(body))
        except (InvalidSignature, KeyError, ValueError):
            raise Refused("the list is not signed by the issuer") from None

    def _key(self, kid):
        jwks = json.loads(self._fetch(self._issuer + "/protocol/openid-connect/certs"))
        (jwk,) = [key for key in jwks["keys"] if key.get("kid") == kid and key.get("alg") == "ES256"]
        x, y = (int.from_bytes(_unbase64(jwk[name]), "big") for name in ("x", "y"))
        return EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
