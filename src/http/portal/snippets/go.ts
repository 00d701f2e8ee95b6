import type { KeyAlgorithm } from '../../../domain/client-key.ts'
import {
  assertionHeader,
  type Credential,
  formOf,
  inQuotes,
  type Language,
  longEscape,
  type TokenRequest,
} from './token-request.ts'

export const go: Language = {
  id: 'go',
  label: 'Go',
  run: 'Run: go run token.go (Go 1.24 or later)',
  write(request) {
    const { credential, tokenUrl } = request
    const signer = credential.kind === 'key' ? SIGNERS[credential.algorithm] : undefined
    if (credential.kind === 'key' && signer === undefined) return undefined
    const fields = formOf(request, quoted, PROOF[credential.kind])
    const width = Math.max(...fields.map(([name]) => name.length))
    const entry = ([name, value]: readonly [string, string]) =>
      `\t\t"${name}":${' '.repeat(width - name.length + 1)}{${value}},`
    return `package main

import (
${imports(credential.kind, signer)}
)

func main() {
	log.SetFlags(0)
${before(request)}	form := url.Values{
${fields.map(entry).join('\n')}
	}
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.PostForm(${quoted(tokenUrl)}, form)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		log.Fatal(answer.StatusCode, " ", string(body))
	}
	var token struct {
		AccessToken string \`json:"access_token"\`
	}
	if err := json.Unmarshal(body, &token); err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.AccessToken)
}${signer ? signing(request, signer) : ''}`
  },
}

const PROOF = {
  secret: 'secret',
  key: 'assertion()',
  platform: 'strings.TrimSpace(string(platformToken))',
} satisfies Record<Credential['kind'], string>

interface Signer {
  readonly imports: readonly string[]
  /** Makes `signature` of `signed` and `key`; may use `err`. */
  readonly lines: string
}

const SHA256 = 'digest := sha256.Sum256([]byte(signed))'
const RSA = ['crypto', 'crypto/rand', 'crypto/rsa', 'crypto/sha256', 'crypto/x509']

function ecdsa(hash: string, digest: string, bytes: number): Signer {
  return {
    imports: ['crypto/ecdsa', 'crypto/rand', `crypto/${hash}`, 'crypto/x509'],
    lines: `${digest}
r, s, err := ecdsa.Sign(rand.Reader, key.(*ecdsa.PrivateKey), digest[:])
if err != nil {
	log.Fatal(err)
}
signature := append(r.FillBytes(make([]byte, ${bytes})), s.FillBytes(make([]byte, ${bytes}))...)`,
  }
}

function rsa(call: string): Signer {
  return {
    imports: RSA,
    lines: `${SHA256}
signature, err := ${call}
if err != nil {
	log.Fatal(err)
}`,
  }
}

const ED25519: Signer = {
  imports: ['crypto/ed25519', 'crypto/rand', 'crypto/x509'],
  lines: 'signature := ed25519.Sign(key.(ed25519.PrivateKey), []byte(signed))',
}

const SIGNERS: Partial<Record<KeyAlgorithm, Signer>> = {
  RS256: rsa('rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), crypto.SHA256, digest[:])'),
  PS256: rsa(
    'rsa.SignPSS(rand.Reader, key.(*rsa.PrivateKey), crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})',
  ),
  ES256: ecdsa('sha256', SHA256, 32),
  ES384: ecdsa('sha512', 'digest := sha512.Sum384([]byte(signed))', 48),
  EdDSA: ED25519,
  Ed25519: ED25519,
}

function imports(kind: Credential['kind'], signer: Signer | undefined): string {
  const more = {
    secret: ['os'],
    key: ['encoding/base64', 'encoding/pem', 'os', ...(signer?.imports ?? [])],
    platform: ['os', 'strings'],
  }[kind]
  const all = ['encoding/json', 'fmt', 'io', 'log', 'net/http', 'net/url', 'time', ...more]
  return all
    .sort()
    .map((name) => `\t"${name}"`)
    .join('\n')
}

function before({ credential }: TokenRequest): string {
  if (credential.kind === 'secret')
    return `	secret := os.Getenv("CLIENT_SECRET")
	if secret == "" {
		log.Fatal("CLIENT_SECRET is not set")
	}
`
  if (credential.kind === 'key') return ''
  return `	platformToken, err := os.ReadFile(${quoted(credential.file)})
	if err != nil {
		log.Fatal(err)
	}
`
}

function signing({ clientId, issuer, credential }: TokenRequest, { lines }: Signer): string {
  const { alg, kid } = assertionHeader(credential as Extract<Credential, { kind: 'key' }>)
  return `

func assertion() string {
	text, err := os.ReadFile(os.Getenv("PRIVATE_KEY_FILE"))
	if err != nil {
		log.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		log.Fatal("PRIVATE_KEY_FILE is not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		log.Fatal(err)
	}
	clientID := ${quoted(clientId)}
	now := time.Now().Unix()
	header := map[string]any{"alg": ${quoted(alg)}, "kid": ${quoted(kid)}, "typ": "JWT"}
	claims := map[string]any{"iss": clientID, "sub": clientID, "aud": ${quoted(issuer)}, "jti": rand.Text(), "iat": now, "exp": now + 60}
	signed := encode(header) + "." + encode(claims)
	${lines.replaceAll('\n', '\n\t')}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func encode(part any) string {
	text, err := json.Marshal(part)
	if err != nil {
		log.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}`
}

function quoted(text: string): string {
  return inQuotes(text, longEscape)
}
