// Reads Mintmark's status lists with the standard library alone (ES256).
package main

import (
	"bytes"
	"compress/zlib"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"
)

const maxBytes = 16 << 20

// ErrRevoked says that the token's account was deleted, disabled or had its tokens revoked.
var ErrRevoked = errors.New("revoked")

// Reference is the claim status.status_list of an access token.
type Reference struct {
	URI   string `json:"uri"`
	Index int    `json:"idx"`
}

type list struct {
	until time.Time
	bits  int
	data  []byte
}

// Lists holds the status lists of one issuer, each fetched once per ttl. Make one and keep it.
type Lists struct {
	Issuer string
	Fetch  func(url string) ([]byte, error)
	Now    func() time.Time

	mutex sync.Mutex
	kept  map[string]list
}

// NewLists returns the lists of an issuer.
func NewLists(issuer string) *Lists {
	return &Lists{Issuer: issuer, Fetch: fetch, Now: time.Now}
}

// Check returns nil when the verified token that carries this reference is not revoked.
func (l *Lists) Check(reference Reference) error {
	// The signer may not send us elsewhere.
	if !strings.HasPrefix(reference.URI, l.Issuer+"/") {
		return errors.New("the status list is not the issuer's")
	}
	current, err := l.current(reference.URI)
	if err != nil {
		return err
	}
	at := reference.Index * current.bits
	if reference.Index < 0 || at/8 >= len(current.data) {
		return errors.New("the index is beyond the list")
	}
	if current.data[at/8]>>(at%8)&(1<<current.bits-1) != 0 {
		return ErrRevoked
	}
	return nil
}

func (l *Lists) current(uri string) (list, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	now := l.Now()
	if kept, ok := l.kept[uri]; ok && now.Before(kept.until) {
		return kept, nil
	}
	jwt, err := l.Fetch(uri)
	if err != nil {
		return list{}, err
	}
	fresh, err := l.read(uri, string(jwt), now)
	if err != nil {
		return list{}, err
	}
	if l.kept == nil {
		l.kept = map[string]list{}
	}
	l.kept[uri] = fresh
	return fresh, nil
}

func (l *Lists) read(uri, jwt string, now time.Time) (list, error) {
	claims := struct {
		Sub  string  `json:"sub"`
		Iss  *string `json:"iss"`
		Iat  float64 `json:"iat"`
		Exp  float64 `json:"exp"`
		TTL  float64 `json:"ttl"`
		List struct {
			Bits int    `json:"bits"`
			Lst  string `json:"lst"`
		} `json:"status_list"`
	}{TTL: 10}
	if err := l.verify(jwt, &claims); err != nil {
		return list{}, err
	}
	seconds := float64(now.Unix())
	if claims.Sub != uri || claims.Iss != nil && *claims.Iss != l.Issuer {
		return list{}, errors.New("the list is another one")
	}
	if claims.Iat == 0 || claims.Iat > seconds+5 || claims.Exp <= seconds {
		return list{}, errors.New("the list is not of now")
	}
	if b := claims.List.Bits; b != 1 && b != 2 && b != 4 && b != 8 {
		return list{}, errors.New("the list is unreadable")
	}
	packed, err := base64.RawURLEncoding.DecodeString(claims.List.Lst)
	if err != nil {
		return list{}, err
	}
	reader, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return list{}, err
	}
	data, err := io.ReadAll(io.LimitReader(reader, maxBytes))
	if err != nil {
		return list{}, err
	}
	until := min(seconds+claims.TTL, claims.Exp)
	return list{time.UnixMilli(int64(until * 1000)), claims.List.Bits, data}, nil
}

func (l *Lists) verify(jwt string, claims any) error {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return errors.New("the list is not a JWT")
	}
	header := struct{ Alg, Kid, Typ string }{}
	if err := decode(parts[0], &header); err != nil {
		return err
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 || header.Alg != "ES256" || header.Typ != "statuslist+jwt" {
		return errors.New("the list is not a signed status list")
	}
	key, err := l.key(header.Kid)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if !ecdsa.Verify(key, digest[:], r, s) {
		return errors.New("the list is not signed by the issuer")
	}
	return decode(parts[1], claims)
}

func (l *Lists) key(kid string) (*ecdsa.PublicKey, error) {
	text, err := l.Fetch(l.Issuer + "/protocol/openid-connect/certs")
	if err != nil {
		return nil, err
	}
	jwks := struct {
		Keys []struct{ Kid, Alg, X, Y string }
	}{}
	if err := json.Unmarshal(text, &jwks); err != nil {
		return nil, err
	}
	for _, jwk := range jwks.Keys {
		if jwk.Kid != kid || jwk.Alg != "ES256" {
			continue
		}
		x, errX := base64.RawURLEncoding.DecodeString(jwk.X)
		y, errY := base64.RawURLEncoding.DecodeString(jwk.Y)
		if errX != nil || errY != nil {
			return nil, errors.New("the key is unreadable")
		}
		return &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y)}, nil
	}
	return nil, fmt.Errorf("the issuer has no key %q", kid)
}

func decode(part string, value any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, value)
}

func fetch(url string) ([]byte, error) {
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d", url, answer.StatusCode)
	}
	return io.ReadAll(io.LimitReader(answer.Body, maxBytes))
}
