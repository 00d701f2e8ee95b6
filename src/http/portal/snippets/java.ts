import type { KeyAlgorithm } from '../../../domain/client-key.ts'
import {
  assertionHeader,
  type Credential,
  formOf,
  inQuotes,
  type Language,
  type TokenRequest,
} from './token-request.ts'

export const java: Language = {
  id: 'java',
  label: 'Java',
  run: 'Run: java Token.java (Java 17 or later)',
  write(request) {
    const { credential, tokenUrl } = request
    if (credential.kind === 'key' && SIGNERS[credential.algorithm] === undefined) return undefined
    const fields = formOf(request, quoted, proofOf(request))
    return String.raw`${imports(request)}

public class Token {
  public static void main(String[] args) throws Exception {
    var form = Map.of(
${fields.map(([name, value]) => `        "${name}", ${value}`).join(',\n')});
    var body = form.entrySet().stream()
        .map(field -> field.getKey() + "=" + URLEncoder.encode(field.getValue(), StandardCharsets.UTF_8))
        .collect(Collectors.joining("&"));
    var request = HttpRequest.newBuilder(URI.create(${quoted(tokenUrl)}))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .timeout(Duration.ofSeconds(10))
        .POST(HttpRequest.BodyPublishers.ofString(body))
        .build();
    var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() != 200) {
      System.err.println(answer.statusCode() + " " + answer.body());
      System.exit(1);
    }
    // Java's own library reads no JSON. A token has no character that JSON escapes.
    var token = Pattern.compile("\"access_token\"\\s*:\\s*\"([^\"]+)\"").matcher(answer.body());
    System.out.println(token.results().findFirst().orElseThrow().group(1));
  }
${signing(request)}}`
  },
}

function proofOf({ credential }: TokenRequest): string {
  if (credential.kind === 'secret')
    return 'Objects.requireNonNull(System.getenv("CLIENT_SECRET"), "CLIENT_SECRET is not set")'
  return credential.kind === 'key'
    ? 'assertion()'
    : `Files.readString(Path.of(${quoted(credential.file)})).trim()`
}

const IMPORTS = {
  secret: ['java.util.Objects'],
  key: [
    'java.nio.file.Files',
    'java.nio.file.Path',
    'java.security.KeyFactory',
    'java.security.Signature',
    'java.security.spec.PKCS8EncodedKeySpec',
    'java.time.Instant',
    'java.util.Base64',
    'java.util.UUID',
  ],
  platform: ['java.nio.file.Files', 'java.nio.file.Path'],
} satisfies Record<Credential['kind'], readonly string[]>

function imports({ credential }: TokenRequest): string {
  const pss = credential.kind === 'key' && credential.algorithm === 'PS256'
  const all = [
    'java.net.URI',
    'java.net.URLEncoder',
    'java.net.http.HttpClient',
    'java.net.http.HttpRequest',
    'java.net.http.HttpResponse',
    'java.nio.charset.StandardCharsets',
    'java.time.Duration',
    'java.util.Map',
    'java.util.regex.Pattern',
    'java.util.stream.Collectors',
    ...IMPORTS[credential.kind],
    ...(pss ? ['java.security.spec.MGF1ParameterSpec', 'java.security.spec.PSSParameterSpec'] : []),
  ]
  return all
    .sort()
    .map((name) => `import ${name};`)
    .join('\n')
}

/** Names of the key's kind and of the signature. */
const SIGNERS: Partial<Record<KeyAlgorithm, readonly [string, string]>> = {
  RS256: ['RSA', 'SHA256withRSA'],
  PS256: ['RSA', 'RSASSA-PSS'],
  ES256: ['EC', 'SHA256withECDSAinP1363Format'],
  ES384: ['EC', 'SHA384withECDSAinP1363Format'],
  EdDSA: ['Ed25519', 'Ed25519'],
  Ed25519: ['Ed25519', 'Ed25519'],
}

const PSS = `
    signer.setParameter(new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1));`

function signing({ clientId, issuer, credential }: TokenRequest): string {
  if (credential.kind !== 'key') return ''
  const [kind, signature] = SIGNERS[credential.algorithm] as readonly [string, string]
  const header = JSON.stringify(assertionHeader(credential))
  // Java's own library writes no JSON either: what does not change is written here.
  const claims = JSON.stringify({ iss: clientId, sub: clientId, aud: issuer }).replace(/}$/, ',"jti":"')
  return String.raw`
  static String assertion() throws Exception {
    var pem = Files.readString(Path.of(System.getenv("PRIVATE_KEY_FILE"))).replaceAll("-----[^-]+-----|\\s", "");
    var key = KeyFactory.getInstance("${kind}")
        .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
    var now = Instant.now().getEpochSecond();
    var header = ${quoted(header)};
    var claims = ${quoted(claims)}
        + UUID.randomUUID() + "\",\"iat\":" + now + ",\"exp\":" + (now + 60) + "}";
    var signed = encode(header.getBytes(StandardCharsets.UTF_8)) + "." + encode(claims.getBytes(StandardCharsets.UTF_8));
    var signer = Signature.getInstance("${signature}");${signature === 'RSASSA-PSS' ? PSS : ''}
    signer.initSign(key);
    signer.update(signed.getBytes(StandardCharsets.UTF_8));
    return signed + "." + encode(signer.sign());
  }

  static String encode(byte[] part) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(part);
  }
`
}

// Java reads \u before it looks for quotes, so control characters are octal: \u000a would end the line.
function quoted(text: string): string {
  return inQuotes(text, (codePoint) => {
    if (codePoint < 0x80) return `\\${codePoint.toString(8).padStart(3, '0')}`
    const units = String.fromCodePoint(codePoint).split('')
    return units.map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')
  })
}
