// Tries the published vectors: go run . ../../../docs/status-list-vectors.json
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	vectors := struct {
		Now         int64
		Issuer, URI string
		JWKS        json.RawMessage
		Tokens      []struct {
			Name, JWT string
			Index     int
		}
	}{}
	text, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = json.Unmarshal(text, &vectors)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, vector := range vectors.Tokens {
		lists := NewLists(vectors.Issuer)
		lists.Now = func() time.Time { return time.Unix(vectors.Now, 0) }
		lists.Fetch = func(url string) ([]byte, error) {
			if strings.HasSuffix(url, "/certs") {
				return vectors.JWKS, nil
			}
			return []byte(vector.JWT), nil
		}
		outcome := "valid"
		if err := lists.Check(Reference{vectors.URI, vector.Index}); errors.Is(err, ErrRevoked) {
			outcome = "revoked"
		} else if err != nil {
			outcome = "refused"
		}
		fmt.Printf("%s: %s\n", vector.Name, outcome)
	}
}
