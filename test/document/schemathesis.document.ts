import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { missing, served, tool } from './served.ts'

const SCHEMATHESIS = 'python/bin/schemathesis'
const CASES = 3000

/** They could delete the administrator of the run; and Schemathesis cannot write lines of JSON. */
const LEFT_OUT = ['deleteRealm', 'deleteServiceAccount', 'importResources', 'importServiceAccounts']

/** What an answer is held to: the document, whatever is sent. */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
]

t.test(
  'no request gets a 5xx or an answer that the document does not tell of',
  {
    skip: missing(SCHEMATHESIS),
    timeout: 1_500_000,
  },
  async (t) => {
    const { token, folder, url, log } = await served(t)
    const seed = Number(process.env['SEED'] ?? randomInt(1_000_000_000))
    t.comment(`SEED=${seed}`)
    const report = join(folder, 'report.ndjson')
    const args = [
      ...['--config-file', join(import.meta.dirname, 'schemathesis.toml')],
      'run',
      `${url}/admin/openapi.json`,
      ...['--header', `Authorization: Bearer ${token}`, '--checks', CHECKS.join(), '--seed', `${seed}`],
      ...[
        '--max-examples',
        '40',
        '--phases',
        'examples,coverage,fuzzing',
        '--continue-on-failure',
        '--no-color',
      ],
      ...['--report', 'ndjson', '--report-ndjson-path', report, '--workers', '1'],
      ...LEFT_OUT.flatMap((id) => ['--exclude-operation-id', id]),
    ]
    const { code, output } = await run(tool(SCHEMATHESIS), args)
    const faults = log.map((line) => JSON.parse(line)).filter(({ level }) => level >= 50)
    t.same(faults, [], 'nothing is logged as a fault')
    t.equal(code, 0, output.slice(-20_000))
    const answers = readFileSync(report, 'utf8').match(/"status_code"/g)?.length ?? 0
    t.ok(answers >= CASES, `${answers} answers`)
  },
)

function run(command: string, args: readonly string[]): Promise<{ code: unknown; output: string }> {
  return new Promise((resolve) => {
    execFile(command, args, { maxBuffer: 1e9, cwd: '/tmp' }, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, output: stdout + stderr }),
    )
  })
}
