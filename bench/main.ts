import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { BenchContext, BenchOptions, Peer, RunBench } from './support/bench.ts'
import { type Dataset, loadDataset } from './support/dataset.ts'
import { type Floors, openFloors } from './support/floors.ts'
import { startPostgres } from './support/postgres.ts'
import { isMet, toMarkdown, writeResults } from './support/report.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    minutes: { type: 'string', default: '1' },
    accounts: { type: 'string', default: '1000000' },
    realms: { type: 'string', default: '40000' },
    events: { type: 'string', default: '3000000' },
    devices: { type: 'string', default: '10000' },
    peer: { type: 'string', multiple: true, default: [] },
    keycloak: { type: 'string' },
    hydra: { type: 'string' },
  },
})
const options: BenchOptions = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  minutes: Number(values.minutes),
  accounts: Number(values.accounts),
  realms: Number(values.realms),
  events: Number(values.events),
  devices: Number(values.devices),
  peers: values.peer.map(parsePeer),
  keycloak: values.keycloak,
  hydra: values.hydra,
}

// Every other file of this folder is a bench.
const known = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== 'main.ts')
  .map((file) => file.slice(0, -3))
const unknown = positionals.filter((name) => !known.includes(name))
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(', ')}; there are: ${known.join(', ')}`)
  process.exit(2)
}

if (!existsSync(join(import.meta.dirname, 'node_modules/autocannon'))) {
  console.error(
    'the benches have packages of their own, which are not installed: run `npm ci --prefix bench` first',
  )
  process.exit(2)
}

// Measured is what is shipped.
await import('../deploy/image/bundle.ts')

const say = (line: string) => console.error(line)
const folder = mkdtempSync(join(tmpdir(), 'mintmark-bench-'))
const postgres = await startPostgres()
let loaded: Promise<Dataset> | undefined
let floors: Promise<Floors> | undefined
const context: BenchContext = {
  options,
  postgres,
  folder,
  say,
  dataset: () => (loaded ??= load()),
  floors: () => (floors ??= openFloors({ options, postgres, folder })),
}
let allMet = true
// PostgreSQL runs in another session, which Ctrl-C in the terminal does not reach.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void cleanUp().finally(() => process.exit(1)))
// These run by their names alone: the soak of `memory` takes half an hour, and `container` has to be root to limit memory.
const APART = ['container', 'memory']
const chosen = positionals.length > 0 ? positionals : known.filter((name) => !APART.includes(name))
try {
  for (const name of chosen) {
    say(`bench ${name}`)
    const start = performance.now()
    const { run } = (await import(`./${name}.ts`)) as { run: RunBench }
    const report = await run(context).catch(failed)
    say(`  took ${Math.round((performance.now() - start) / 1000)} s`)
    if (!report) continue
    allMet &&= (report.targets ?? []).every(isMet)
    const markdown = toMarkdown(report)
    console.log(`\n${name}\n\n${markdown}\n`)
    writeResults(name, commandOf(name), markdown)
  }
} finally {
  await cleanUp()
}
say(allMet ? 'all targets met' : 'some targets were missed')

/** Reports a failed bench; the others still run. */
function failed(error: unknown): undefined {
  say(`  failed: ${(error as Error).stack}`)
  allMet = false
  process.exitCode = 1
}

async function cleanUp(): Promise<void> {
  await floors?.then(
    (opened) => opened.stop(),
    () => {},
  )
  await postgres.close()
  rmSync(folder, { recursive: true, force: true })
}

async function load(): Promise<Dataset> {
  const start = performance.now()
  const dataset = await loadDataset(await postgres.createDatabase('large'), options)
  say(`  loaded ${options.accounts} accounts in ${Math.round((performance.now() - start) / 1000)} s`)
  return dataset
}

/** The command without the folders of this machine. */
function commandOf(name: string): string {
  const flags = process.argv.slice(2).filter((argument) => !positionals.includes(argument))
  const shown = flags.map((flag) =>
    flag === values.keycloak ? 'DIR' : flag === values.hydra ? 'FILE' : flag,
  )
  return ['npm run bench --', name, ...shown].join(' ')
}

function parsePeer(text: string): Peer {
  const [, name, url, body] = /^([^=]+)=([^,]+),(.*)$/.exec(text) ?? []
  if (!name || !url || !body) throw new TypeError(`--peer is name=url,body and not ${text}`)
  return { name, url, body }
}
