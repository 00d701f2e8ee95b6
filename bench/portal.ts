import pg from 'pg'
import { pino } from 'pino'
import { buildServer } from '../src/server/build-server.ts'
import { Browser } from '../test/support/portal.ts'
import type { BenchContext } from './support/bench.ts'
import { fillRealm, MANY_GRANTS, type RealmSize, SOME_GRANTS } from './support/busy-realm.ts'
import { ratio, type Spread, spread } from './support/measure.ts'
import { ACTOR, openAdministration, PUBLIC_URL } from './support/mintmark.ts'
import type { BenchPostgres } from './support/postgres.ts'
import { analyze } from './support/realms.ts'
import { type Report, show } from './support/report.ts'
import { daysAgo, makeMonths, packMonths } from './support/trail.ts'

const CALLS_A_ROUND = 5
const SMALL: RealmSize = { accounts: 100, devices: 100, events: 10_000 }
/** The size that the pages are promised for; options can make it smaller. */
const LARGE: RealmSize = { accounts: 200_000, devices: 10_000, events: 1_000_000 }

const day = (days: number) => daysAgo(days).toISOString().slice(0, 10)

/** Pages below `/portal/REALM/`. */
export const PAGES: Readonly<Record<string, string>> = {
  accounts: 'service-accounts',
  'accounts: a word that many have': 'service-accounts?search=rolls',
  'accounts: disabled': 'service-accounts?state=disabled',
  'accounts: ended': 'service-accounts?state=ended',
  'accounts: unused for 90 days': 'service-accounts?need=unused',
  'accounts: a rare role': 'service-accounts?role=rare',
  'accounts: rotation under way': 'service-accounts?need=rotating',
  'an account': `service-accounts/${SOME_GRANTS}`,
  'permissions of an account, 500 grants': `service-accounts/${SOME_GRANTS}/permissions`,
  'permissions of an account, 5,000 grants': `service-accounts/${MANY_GRANTS}/permissions`,
  'activity of an account': `service-accounts/${SOME_GRANTS}/activity`,
  devices: 'devices',
  'devices of a group': 'devices?group=device_group/all',
  'a device, and who may do what': 'devices/device/d1',
  'a group, and who may do what': 'devices/device_group/all',
  'activity of the realm': 'activity',
  'audit: newest': 'audit',
  'audit: by time': `audit?from=${day(400)}&to=${day(300)}`,
  'audit: by action': 'audit?action=key.rotate',
  'audit: by object': 'audit?target=target+7&only=target',
  'audit: deep': `audit?after=${daysAgo(600).getTime()}.1`,
}

/** Searches read more than they show, up to a bound. Their target is a time, not a ratio. */
export const SEARCHES: Readonly<Record<string, string>> = {
  'accounts: a word that none has': 'service-accounts?search=zebra',
  'devices: a word that none has': 'devices?search=zebra',
  'devices of a group: a word that none has': 'devices?group=device_group/all&search=zebra',
  'grants: a word that none has': `service-accounts/${MANY_GRANTS}/permissions?filter=zebra`,
  'audit: two filters without a common line': 'audit?action=grant.add&actor=the+pipeline',
  'audit: a name that no actor has': 'audit?actor=nobody',
}

interface Found {
  readonly ms: number[]
  /** CPU time of PostgreSQL for a page. */
  readonly database: number[]
}

/** Compares pages of the portal for a large realm with those for a small one in the same database. */
export async function run({ options, postgres, say }: BenchContext): Promise<Report> {
  const large: RealmSize = {
    accounts: Math.min(options.accounts, LARGE.accounts),
    devices: options.devices,
    events: Math.min(options.events, LARGE.events),
  }
  const databaseUrl = await postgres.createDatabase('portal')
  const opened = await openAdministration(databaseUrl)
  say(
    `filling a realm with ${large.accounts} accounts, ${large.devices} devices and ${large.events} audit lines`,
  )
  await fill(databaseUrl, opened, large)
  const { app, close } = await buildServer(opened.operations, {
    logger: pino({ level: 'silent' }),
    trustProxy: 0,
    areMetricsOpenLocally: false,
    publicUrl: PUBLIC_URL,
  })
  const times: Record<string, Record<'small' | 'large', Found>> = {}
  const sides = { small: await signIn(app, opened, 'small'), large: await signIn(app, opened, 'large') }
  for (const [name, path] of Object.entries({ ...PAGES, ...SEARCHES })) {
    const found = { small: { ms: [], database: [] } as Found, large: { ms: [], database: [] } as Found }
    for (let round = -1; round < options.rounds; round++)
      for (const side of ['small', 'large'] as const) {
        const one = await timesOf(() => sides[side](path), postgres)
        if (round < 0) continue
        found[side].ms.push(one.ms)
        found[side].database.push(one.database)
      }
    times[name] = found
  }
  await close()
  await opened.close()
  return report(times, large)
}

async function fill(
  databaseUrl: string,
  opened: Awaited<ReturnType<typeof openAdministration>>,
  large: RealmSize,
): Promise<void> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  await makeMonths(client)
  await fillRealm(opened, client, 'small', SMALL)
  await fillRealm(opened, client, 'large', large)
  await packMonths(client)
  await client.end()
  await analyze(databaseUrl)
}

/** Reads a page of a realm as its administrator. */
async function signIn(
  app: Awaited<ReturnType<typeof buildServer>>['app'],
  { operations }: Awaited<ReturnType<typeof openAdministration>>,
  realm: string,
): Promise<(path: string) => Promise<void>> {
  const { url } = await operations.portal.createLink(ACTOR, realm)
  const browser = new Browser({ app })
  await browser.post(`/portal/${realm}/sign-in`, { code: url.split('#')[1] as string })
  return async (path) => {
    const { statusCode, body } = await browser.get(`/portal/${realm}/${path}`)
    if (statusCode !== 200) throw new Error(`${realm}/${path}: ${statusCode} ${body}`)
  }
}

async function timesOf(page: () => Promise<void>, postgres: Pick<BenchPostgres, 'cpu'>) {
  const times: number[] = []
  const before = postgres.cpu()
  for (let call = 0; call < CALLS_A_ROUND; call++) {
    const start = performance.now()
    await page()
    times.push(performance.now() - start)
  }
  return { ms: spread(times).median, database: (postgres.cpu() - before) / 1000 / CALLS_A_ROUND }
}

function report(times: Readonly<Record<string, Record<'small' | 'large', Found>>>, size: RealmSize): Report {
  const of = (names: object) => Object.keys(names).map((name) => [name, times[name]] as const)
  const found = (name: string, side: 'small' | 'large', of: keyof Found): Spread =>
    spread(times[name]?.[side][of] ?? [])
  return {
    title: `Pages of the portal over a realm of ${size.accounts} accounts, ${size.devices} devices and ${size.events} audit lines, beside one of ${SMALL.accounts}, ${SMALL.devices} and ${SMALL.events}.`,
    notes: [
      `In process, without a socket; a round is the median of ${CALLS_A_ROUND} calls. Both realms are in one database. Searches read more than they show, up to a bound: their target is a time, not a ratio.`,
    ],
    targets: [
      ...of(PAGES).map(([name, both]) => ({
        what: `${name}: time ÷ time of the small realm`,
        wanted: '≤ 1.5' as const,
        found: ratio(both?.large.ms ?? [], both?.small.ms ?? []),
      })),
      ...of({ ...PAGES, ...SEARCHES }).map(([name]) => ({
        what: `${name}: ms`,
        wanted: '≤ 300' as const,
        found: found(name, 'large', 'ms'),
      })),
    ],
    table: [
      ['', 'ms, small realm', 'ms, large realm', 'PostgreSQL ms, small realm', 'PostgreSQL ms, large realm'],
      ...of({ ...PAGES, ...SEARCHES }).map(([name]) => [
        name,
        ...(['ms', 'database'] as const).flatMap((figure) =>
          (['small', 'large'] as const).map((side) => show(found(name, side, figure))),
        ),
      ]),
    ],
  }
}
