import type { KeyAlgorithm } from '../../../domain/client-key.ts'
import {
  assertionHeader,
  formOf,
  inQuotes,
  type Language,
  longEscape,
  type TokenRequest,
} from './token-request.ts'

export const python: Language = {
  id: 'python',
  label: 'Python',
  run: 'Run: python3 token_request.py',
  write(request) {
    const { credential, tokenUrl } = request
    if (credential.kind === 'key' && SIGNING[credential.algorithm] === undefined) return undefined
    const fields = formOf(request, quoted, proofOf(request))
    return `${imports(request)}
${signing(request)}form = {
${fields.map(([name, value]) => `    "${name}": ${value},`).join('\n')}
}
body = urllib.parse.urlencode(form).encode()
try:
    with urllib.request.urlopen(${quoted(tokenUrl)}, body, timeout=10) as answer:
        print(json.load(answer)["access_token"])
except urllib.error.HTTPError as error:
    sys.exit(f"{error.code} {error.read().decode()}")
except urllib.error.URLError as error:
    sys.exit(f"no answer: {error.reason}")`
  },
}

function proofOf({ credential }: TokenRequest): string {
  if (credential.kind === 'secret') return 'os.environ["CLIENT_SECRET"]'
  return credential.kind === 'key' ? 'assertion' : `open(${quoted(credential.file)}).read().strip()`
}

function imports({ credential: { kind } }: TokenRequest): string {
  const more = {
    secret: ['os'],
    key: ['base64', 'os', 'subprocess', 'time', 'uuid'],
    platform: [],
  }[kind]
  const all = ['json', 'sys', 'urllib.error', 'urllib.parse', 'urllib.request', ...more]
  return all
    .sort()
    .map((name) => `import ${name}\n`)
    .join('')
}

/** How openssl signs, for Python's own library has no signatures. */
const SIGNING: Partial<Record<KeyAlgorithm, readonly string[]>> = {
  RS256: ['-sha256'],
  PS256: ['-sha256', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:-1'],
  ES256: ['-sha256'],
  ES384: ['-sha384'],
}

const HALVES: Partial<Record<KeyAlgorithm, number>> = { ES256: 32, ES384: 48 }

function signing({ clientId, issuer, credential }: TokenRequest): string {
  if (credential.kind !== 'key') return ''
  const { alg, kid } = assertionHeader(credential)
  const options = SIGNING[alg] as readonly string[]
  return `
def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


now = int(time.time())
client_id = ${quoted(clientId)}
header = {"alg": ${quoted(alg)}, "kid": ${quoted(kid)}, "typ": "JWT"}
claims = {"iss": client_id, "sub": client_id, "aud": ${quoted(issuer)}, "jti": str(uuid.uuid4()), "iat": now, "exp": now + 60}
signed = ".".join(encode(json.dumps(part).encode()) for part in (header, claims))
# Python's own library does not sign: openssl does.
command = ["openssl", "dgst", ${options.map(quoted).join(', ')}, "-sign", os.environ["PRIVATE_KEY_FILE"]]
signature = subprocess.run(command, input=signed.encode(), stdout=subprocess.PIPE, check=True).stdout
${joinedHalves(HALVES[alg])}assertion = f"{signed}.{encode(signature)}"

`
}

/** openssl writes two numbers in DER; a JWT has them side by side (RFC 7518 section 3.4). */
function joinedHalves(size: number | undefined): string {
  if (size === undefined) return ''
  return `# Two numbers in DER become two numbers side by side.
end = 4 + signature[3]
numbers = (signature[4:end], signature[end + 2 :])
signature = b"".join(int.from_bytes(number, "big").to_bytes(${size}, "big") for number in numbers)
`
}

function quoted(text: string): string {
  return inQuotes(text, longEscape)
}
