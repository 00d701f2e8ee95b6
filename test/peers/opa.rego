package api

import rego.v1

default allow := false

# OPA keeps the keys for as long as their Cache-Control says.
keys := http.send({
	"method": "GET",
	"url": concat("", [data.issuer, "/protocol/openid-connect/certs"]),
	"cache": true,
}).raw_body

token := payload if {
	[true, _, payload] = io.jwt.decode_verify(input.token, {
		"cert": keys,
		"iss": data.issuer,
		"aud": data.audience,
	})
}

allow if "view" in split(token.scope, " ")
