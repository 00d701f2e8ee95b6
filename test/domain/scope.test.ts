import fc from 'fast-check'
import t from 'tap'
import { grantScope, isScopeToken, parseScope } from '../../src/domain/scope.ts'

// RFC 6749 section 3.3: %x21 / %x23-5B / %x5D-7E
const CHARACTERS = Array.from({ length: 0x7f - 0x21 }, (_, i) => String.fromCharCode(0x21 + i)).filter(
  (one) => one !== '"' && one !== '\\',
)
const token = fc.string({ unit: fc.constantFrom(...CHARACTERS), minLength: 1, maxLength: 20 })
const tokens = fc.array(token, { minLength: 1, maxLength: 10 })

t.test('tokens of the grammar are read each once, in the order of asking', async () => {
  fc.assert(
    fc.property(tokens, (asked) => {
      const parsed = parseScope(asked.join(' ')) ?? []
      return JSON.stringify(parsed) === JSON.stringify([...new Set(asked)])
    }),
  )
})

t.test('malformed scopes are refused', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
      const isFit = text
        .split(' ')
        .every((part) => part !== '' && [...part].every((c) => CHARACTERS.includes(c)))
      try {
        parseScope(text)
        return isFit
      } catch (error) {
        return !isFit && (error as { code?: string }).code === 'invalid_scope'
      }
    }),
  )
})

t.test('a scope token has at most a hundred characters', async (t) => {
  t.ok(isScopeToken('x'.repeat(100)))
  t.notOk(isScopeToken('x'.repeat(101)))
})

t.test('a client gets at most the allowed scopes, and all of them without a request', async () => {
  fc.assert(
    fc.property(fc.option(tokens, { nil: undefined }), tokens, tokens, (asked, allowed, others) => {
      const known = [...allowed, ...others]
      const isAllowed = asked === undefined || asked.every((one) => allowed.includes(one))
      try {
        return grantScope(asked, allowed, known) === (asked ?? allowed) && isAllowed
      } catch {
        return !isAllowed
      }
    }),
  )
})

t.test('the log names a scope only if the realm has it', async (t) => {
  t.throws(() => grantScope(['deploy'], ['view'], ['view', 'deploy']), {
    message: 'scope not allowed: deploy',
  })
  t.throws(() => grantScope(['pa55word'], ['view'], ['view', 'deploy']), {
    message: 'a scope that the realm does not have',
  })
})
