import { formOf, type Language, type TokenRequest } from './token-request.ts'

/** A command for a shell. A key needs more than a shell has: the command `mintmark token` signs with it. */
export const curl: Language = {
  id: 'curl',
  label: 'curl',
  write(request) {
    const { credential } = request
    if (credential.kind === 'key') return undefined
    if (credential.kind === 'platform') return command(request, `@${credential.file}`, '  ')
    // printf is part of the shell: the secret is not in the list of processes.
    return `: "\${CLIENT_SECRET:?is not set}" &&
printf %s "$CLIENT_SECRET" |
  ${command(request, '@-', '    ')}`
  },
}

/** @param proof as `--data-urlencode` takes it */
function command(request: TokenRequest, proof: string, indent: string): string {
  // The parameter that curl reads has no `=` before its file.
  const fields = formOf(request, (text) => `=${text}`, proof).map(([name, value]) => word(name + value))
  // The body of the answer says the error; its status goes to standard error.
  return `curl -sS --fail-with-body --max-time 10 -w '%{stderr}%{http_code}\\n' \\
${[word(request.tokenUrl), ...fields.map((field) => `--data-urlencode ${field}`)].map((line) => indent + line).join(' \\\n')}`
}

function word(text: string): string {
  // A shell makes a folder of a ~ behind = or :
  return /^[\w./:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
