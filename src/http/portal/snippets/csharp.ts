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

export const csharp: Language = {
  id: 'csharp',
  label: 'C#',
  run: 'Run: dotnet run (Program.cs of a console program, .NET 8 or later)',
  write(request) {
    const { credential, tokenUrl } = request
    const signer = credential.kind === 'key' ? SIGNERS[credential.algorithm] : undefined
    if (credential.kind === 'key' && signer === undefined) return undefined
    const fields = formOf(request, quoted, PROOF[credential.kind])
    return `${USINGS[credential.kind].map((name) => `using ${name};\n`).join('')}
${before(request, signer)}
using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
using var form = new FormUrlEncodedContent(new Dictionary<string, string>
{
${fields.map(([name, value]) => `    ["${name}"] = ${value},`).join('\n')}
});
using var answer = await http.PostAsync(${quoted(tokenUrl)}, form);
var body = await answer.Content.ReadAsStringAsync();
if (!answer.IsSuccessStatusCode)
{
    Console.Error.WriteLine((int)answer.StatusCode + " " + body);
    return 1;
}
Console.WriteLine(JsonDocument.Parse(body).RootElement.GetProperty("access_token").GetString());
return 0;`
  },
}

const PROOF = {
  secret: 'secret',
  key: 'assertion',
  platform: 'platformToken.Trim()',
} satisfies Record<Credential['kind'], string>

const USINGS = {
  secret: ['System.Text.Json'],
  key: ['System.Security.Cryptography', 'System.Text', 'System.Text.Json'],
  platform: ['System.Text.Json'],
} satisfies Record<Credential['kind'], readonly string[]>

/** Class of the key, and what SignData takes after the data. */
const SIGNERS: Partial<Record<KeyAlgorithm, readonly [string, string]>> = {
  RS256: ['RSA', 'HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1'],
  PS256: ['RSA', 'HashAlgorithmName.SHA256, RSASignaturePadding.Pss'],
  ES256: ['ECDsa', 'HashAlgorithmName.SHA256'],
  ES384: ['ECDsa', 'HashAlgorithmName.SHA384'],
}

function before(
  { clientId, issuer, credential }: TokenRequest,
  signer: readonly [string, string] | undefined,
): string {
  if (credential.kind === 'secret')
    return `var secret = Environment.GetEnvironmentVariable("CLIENT_SECRET")
    ?? throw new InvalidOperationException("CLIENT_SECRET is not set");`
  if (credential.kind === 'platform')
    return `var platformToken = await File.ReadAllTextAsync(${quoted(credential.file)});`
  const { alg, kid } = assertionHeader(credential)
  const [kind, how] = signer as readonly [string, string]
  return `var keyFile = Environment.GetEnvironmentVariable("PRIVATE_KEY_FILE")
    ?? throw new InvalidOperationException("PRIVATE_KEY_FILE is not set");
using var key = ${kind}.Create();
key.ImportFromPem(await File.ReadAllTextAsync(keyFile));
var clientId = ${quoted(clientId)};
var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
var header = new { alg = ${quoted(alg)}, kid = ${quoted(kid)}, typ = "JWT" };
var claims = new
{
    iss = clientId,
    sub = clientId,
    aud = ${quoted(issuer)},
    jti = Guid.NewGuid(),
    iat = now,
    exp = now + 60,
};
string Encode(byte[] part) => Convert.ToBase64String(part).TrimEnd('=').Replace('+', '-').Replace('/', '_');
var signed = Encode(JsonSerializer.SerializeToUtf8Bytes(header)) + "." + Encode(JsonSerializer.SerializeToUtf8Bytes(claims));
var assertion = signed + "." + Encode(key.SignData(Encoding.UTF8.GetBytes(signed), ${how}));`
}

function quoted(text: string): string {
  return inQuotes(text, longEscape)
}
