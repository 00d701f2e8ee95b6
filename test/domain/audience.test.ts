import fc from 'fast-check'
import t from 'tap'
import { grantAudience, isAbsoluteUri } from '../../src/domain/audience.ts'

const KNOWN = ['https://auth.test/realms/acme', 'https://api.test', 'urn:example:api', 'legacy-api']

t.test(
  'a token is for what was asked for and the realm knows, each once, and else for its default',
  async () => {
    const resources = fc.array(fc.constantFrom(...KNOWN.slice(0, 3), 'https://evil.test'), { maxLength: 5 })
    const audience = fc.constantFrom(undefined, 'legacy-api', 'https://api.test', 'nothing')
    fc.assert(
      fc.property(resources, audience, (resources, audience) => {
        const asked = [...resources, ...(audience === undefined ? [] : [audience])]
        const isKnown = asked.every((one) => KNOWN.includes(one))
        try {
          const granted = grantAudience({ resources, audience }, KNOWN)
          const expected = asked.length > 0 ? [...new Set(asked)] : KNOWN.slice(0, 1)
          return isKnown && JSON.stringify(granted) === JSON.stringify(expected)
        } catch (error) {
          return !isKnown && (error as { code?: string }).code === 'invalid_target'
        }
      }),
    )
  },
)

t.test('a resource is an absolute URI without a fragment', async (t) => {
  for (const uri of ['https://api.test', 'urn:example:api', 'HTTPS://api.test/a?b=c', 'tag:x'])
    t.ok(isAbsoluteUri(uri), uri)
  for (const uri of [
    '',
    'api',
    '/a',
    '//api.test',
    'https://api.test/#',
    'https://api.test/ü',
    '1x:y',
    'https:',
    'a: b',
  ])
    t.notOk(isAbsoluteUri(uri), uri)
})
