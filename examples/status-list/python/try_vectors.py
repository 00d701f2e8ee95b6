"""Tries the published vectors: python3 try_vectors.py ../../../docs/status-list-vectors.json"""

import json
import sys

from status_list import Refused, StatusLists

with open(sys.argv[1], encoding="utf8") as file:
    vectors = json.load(file)

for vector in vectors["tokens"]:

    def fetch(url, jwt=vector["jwt"]):
        return json.dumps(vectors["jwks"]).encode() if url.endswith("/certs") else jwt.encode()

    lists = StatusLists(vectors["issuer"], fetch, lambda: vectors["now"])
    try:
        lists.check({"status": {"status_list": {"uri": vectors["uri"], "idx": vector["index"]}}})
        outcome = "valid"
    except Refused as refused:
        outcome = "revoked" if str(refused) == "revoked" else "refused"
    print(f"{vector['name']}: {outcome}")
