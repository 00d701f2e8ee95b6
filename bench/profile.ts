import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchContext } from './support/bench.ts'
import { CONNECTIONS, type RequestLine, runLoad, writeRequests } from './support/load.ts'
import {
  createClient,
  MINTMARK_SOURCE_ARGS,
  openAdministration,
  requestOf,
  startMintmark,
} from './support/mintmark.ts'
import type { Report } from './support/report.ts'

/** What this bench reads of V8's CPU profile: a tree of calls, and the running call of each sample. */
interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string }
  readonly children?: readonly number[]
}

/** Parts below this share become one row. */
const SMALLEST_PERCENT = 1

const INTERVAL_MICROSECONDS = 200

/** Where the server's busy time goes, by `--cpu-prof`: for tokens, and for the JWKS. */
export async function run({ options, postgres, folder }: BenchContext): Promise<Report> {
  const databaseUrl = await postgres.createDatabase('profile')
  const administration = await openAdministration(databaseUrl)
  const client = await createClient(administration, 'bench')
  await administration.close()

  async function profileOf(request: RequestLine): Promise<Map<string, number>> {
    const to = mkdtempSync(join(folder, 'profile-'))
    const flags = ['--cpu-prof', `--cpu-prof-dir=${to}`, `--cpu-prof-interval=${INTERVAL_MICROSECONDS}`]
    const server = await startMintmark(databaseUrl, {}, { args: [...flags, ...MINTMARK_SOURCE_ARGS] })
    const file = writeRequests(join(folder, 'profile'), [request])
    const load = { url: server.url, file, order: 'sequential', connections: CONNECTIONS } as const
    await runLoad({ ...load, seconds: 3 * options.seconds })
    await server.stop()
    const [name = ''] = readdirSync(to)
    return sharesOf(JSON.parse(readFileSync(join(to, name), 'utf8')))
  }

  const token = await profileOf(requestOf(client))
  const jwks = await profileOf({ path: '/realms/bench/protocol/openid-connect/certs' })
  const parts = [...new Set([...token.keys(), ...jwks.keys()])].sort(
    (a, b) => (token.get(b) ?? 0) - (token.get(a) ?? 0),
  )
  const show = (share: number | undefined) => (share === undefined ? '' : share.toFixed(1))
  return {
    title: 'Where the busy time of a warm server goes, in per cent: what each part does itself.',
    table: [
      ['', 'a token', 'JWKS'],
      ...parts.map((part) => [part, show(token.get(part)), show(jwks.get(part))]),
    ],
  }
}

/** Percent of the busy time by part, of the second half of the profile. */
function sharesOf({ nodes, samples, timeDeltas }: CpuProfile): Map<string, number> {
  const parts = partsOf(nodes)
  const spent = new Map<string, number>()
  const sum = timeDeltas.reduce((total, delta) => total + delta, 0)
  let passed = 0
  samples.forEach((id, i) => {
    const delta = timeDeltas[i] ?? 0
    passed += delta
    const part = parts.get(id) ?? ''
    if (passed > sum / 2 && part !== '(idle)') spent.set(part, (spent.get(part) ?? 0) + delta)
  })
  const busy = [...spent.values()].reduce((total, value) => total + value, 0)
  const shares = new Map<string, number>()
  for (const [part, value] of spent) {
    const percent = (100 * value) / busy
    const name = percent < SMALLEST_PERCENT ? 'all that is less than 1 %' : part
    shares.set(name, (shares.get(name) ?? 0) + percent)
  }
  return shares
}

/** Part that each call belongs to; native code belongs to its caller, unless its name says more. */
function partsOf(nodes: readonly ProfileNode[]): Map<number, string> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const parts = new Map<number, string>()
  const visit = (node: ProfileNode, caller: string) => {
    const part = partOf(node) ?? caller
    parts.set(node.id, part)
    for (const id of node.children ?? []) visit(byId.get(id) as ProfileNode, part)
  }
  if (nodes[0]) visit(nodes[0], '')
  return parts
}

function partOf({ callFrame: { functionName, url } }: ProfileNode): string | undefined {
  if (functionName === 'signOneShot') return 'signature'
  if (functionName === '(garbage collector)') return 'garbage collection'
  if (functionName === '(program)') return 'native code outside of calls'
  if (functionName === '(idle)') return functionName
  if (/^write(v|Utf8String|Latin1String|Buffer)$/.test(functionName) && url === '')
    return 'writing to sockets'
  const dependency = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1]
  if (dependency) return dependency
  if (url.startsWith('node:internal/crypto')) return 'node:crypto, but for the signature'
  if (url.startsWith('node:')) return 'node: HTTP, streams, promises, timers'
  return url === '' ? undefined : 'Mintmark'
}
