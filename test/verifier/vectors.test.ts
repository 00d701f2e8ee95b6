import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { TokenError } from '../../packages/verifier/src/index.ts'
import { KeySet } from '../../packages/verifier/src/key-set.ts'
import { decodeStatusList, statusAt } from '../../packages/verifier/src/status-list.ts'
import { StatusLists } from '../../packages/verifier/src/status-lists.ts'

interface Vectors {
  now: number
  issuer: string
  uri: string
  jwks: object
  lists: { name: string; status_list: object; statuses: { index: number; status: number }[] }[]
  tokens: { name: string; expected: 'valid' | 'revoked' | 'refused'; index: number; jwt: string }[]
}

const VECTORS: Vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../docs/status-list-vectors.json'), 'utf8'),
)
const algorithms = new Set(['ES256'])

for (const { name, status_list, statuses } of VECTORS.lists) {
  t.test(`the published vector of ${name} is read as it says`, async (t) => {
    const list = await decodeStatusList(status_list)
    for (const { index, status } of statuses) t.equal(statusAt(list, index), status, `index ${index}`)
  })
}

async function serve(t: Test, jwt: string): Promise<string> {
  const server = createServer((request, response) =>
    response.end(request.url?.endsWith('/certs') ? JSON.stringify(VECTORS.jwks) : jwt),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

for (const { name, expected, index, jwt } of VECTORS.tokens) {
  t.test(`the published vector of ${name} is ${expected}`, async (t) => {
    const fetchBase = await serve(t, jwt)
    const now = () => VECTORS.now * 1000
    const keys = new KeySet({
      url: `${fetchBase}/certs`,
      algorithms,
      maxAgeSeconds: 300,
      cooldownSeconds: 5,
      usableWhenStaleSeconds: 0,
      timeoutSeconds: 5,
      now,
    })
    const lists = new StatusLists({
      issuer: VECTORS.issuer,
      fetchBase,
      keys,
      algorithms,
      acceptWhenUnavailableSeconds: 0,
      clockToleranceSeconds: 0,
      timeoutSeconds: 5,
      now,
    })
    const outcome = await lists.check({ status_list: { idx: index, uri: VECTORS.uri } }).then(
      () => 'valid',
      (error: unknown) => (error instanceof TokenError && error.code === 'revoked' ? 'revoked' : 'refused'),
    )
    t.equal(outcome, expected)
  })
}
