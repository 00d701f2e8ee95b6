import { jwtVerify } from 'jose'
import { createVerifier } from '../packages/verifier/src/index.ts'
import type { BenchContext } from './support/bench.ts'
import { AUDIENCE, startIssuer } from './support/issuer.ts'
import { alternate, ratio, spread } from './support/measure.ts'
import { type Report, show } from './support/report.ts'

const TOKENS = 4000

/** Compares the verifier, both caches warm, with `jwtVerify` of jose, which is given the key. */
export async function run({ options, say }: BenchContext): Promise<Report> {
  const issuer = await startIssuer(3600)
  const tokens = await issuer.tokens(TOKENS)
  const verifier = createVerifier({ issuer: issuer.url, audience: AUDIENCE })
  const rules = { issuer: issuer.url, audience: AUDIENCE, typ: 'at+jwt', algorithms: ['ES256'] }
  const time = (name: string, verify: (token: string) => Promise<unknown>) => async () => {
    const start = process.cpuUsage()
    for (const token of tokens) await verify(token)
    const { user, system } = process.cpuUsage(start)
    const microseconds = (user + system) / TOKENS
    say(`  ${name} ${microseconds.toFixed(1)} µs`)
    return microseconds
  }
  try {
    const { ours, jose } = await alternate(
      {
        ours: time('verifier', verifier.verify),
        jose: time('jose', (token) => jwtVerify(token, issuer.publicKey, rules)),
      },
      Math.max(options.rounds, 5),
    )
    return {
      title:
        'CPU of one good ES256 token: the verifier with keys and status list at hand, beside jose alone.',
      targets: [{ what: 'verifier ÷ jose.jwtVerify', wanted: '≤ 1.3', found: ratio(ours, jose) }],
      table: [
        ['', 'CPU µs a token'],
        ['verifier', show(spread(ours), 1)],
        ['jose.jwtVerify', show(spread(jose), 1)],
      ],
    }
  } finally {
    issuer.close()
  }
}
