import {
  assertionHeader,
  type Credential,
  formOf,
  inQuotes,
  type Language,
  type TokenRequest,
} from './token-request.ts'

export const node: Language = {
  id: 'node',
  label: 'Node',
  run: 'Run: node token.mjs',
  write(request) {
    const { tokenUrl, credential } = request
    const fields = formOf(request, quoted, PROOF[credential.kind])
    return `${before(request)}
const answer = await fetch(${quoted(tokenUrl)}, {
  method: "POST",
  body: new URLSearchParams({
${fields.map(([name, value]) => `    ${name}: ${value},`).join('\n')}
  }),
  signal: AbortSignal.timeout(10_000),
})
const text = await answer.text()
if (!answer.ok) {
  console.error(answer.status, text)
  process.exit(1)
}
console.log(JSON.parse(text).access_token)`
  },
}

const PROOF = {
  secret: 'secret',
  key: 'assertion',
  platform: 'platformToken',
} satisfies Record<Credential['kind'], string>

/** What the request needs first. */
function before({ clientId, issuer, credential }: TokenRequest): string {
  if (credential.kind === 'secret')
    return `const secret = process.env.CLIENT_SECRET
if (!secret) throw new Error("CLIENT_SECRET is not set")
`
  if (credential.kind === 'platform')
    return `import { readFileSync } from "node:fs"

const platformToken = readFileSync(${quoted(credential.file)}, "utf8").trim()
`
  const { alg, kid } = assertionHeader(credential)
  const options = OPTIONS[alg]
  return `import { ${options?.includes('constants') ? 'constants, ' : ''}randomUUID, sign } from "node:crypto"
import { readFileSync } from "node:fs"

const key = readFileSync(process.env.PRIVATE_KEY_FILE)
const clientId = ${quoted(clientId)}
const now = Math.floor(Date.now() / 1000)
const header = { alg: ${quoted(alg)}, kid: ${quoted(kid)}, typ: "JWT" }
const claims = { iss: clientId, sub: clientId, aud: ${quoted(issuer)}, jti: randomUUID(), iat: now, exp: now + 60 }
const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".")
const signature = sign(${HASHES[alg] ?? 'null'}, Buffer.from(signed), ${options ? `{ key, ${options} }` : 'key'})
const assertion = \`\${signed}.\${signature.toString("base64url")}\`
`
}

const HASHES: Readonly<Record<string, string>> = {
  RS256: '"sha256"',
  PS256: '"sha256"',
  ES256: '"sha256"',
  ES384: '"sha384"',
}

const OPTIONS: Readonly<Record<string, string>> = {
  PS256: 'padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST',
  ES256: 'dsaEncoding: "ieee-p1363"',
  ES384: 'dsaEncoding: "ieee-p1363"',
}

function quoted(text: string): string {
  return inQuotes(text, (codePoint) => `\\u{${codePoint.toString(16)}}`)
}
