import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import t from 'tap'
import { isRandomSecret } from '../../src/domain/random-secret.ts'

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** What other servers and programs make. */
const MADE: Readonly<Record<string, () => string>> = {
  'Keycloak: 32 letters and digits': () =>
    Array.from({ length: 32 }, () => LETTERS[randomInt(LETTERS.length)]).join(''),
  'Keycloak before 17: a UUID': randomUUID,
  'openssl rand -hex 16': () => randomBytes(16).toString('hex'),
  '24 bytes in base64url': () => randomBytes(24).toString('base64url'),
  '32 bytes in base64': () => randomBytes(32).toString('base64'),
}

t.test('a secret that a program has drawn counts as random, nearly always', async (t) => {
  for (const [by, make] of Object.entries(MADE)) {
    const random = Array.from({ length: 400 }, make).filter(isRandomSecret)
    // Of 400 about 12 look otherwise; 80 would be a chance of one to more than a googol.
    t.ok(random.length > 320, `${by}: ${random.length}`)
  }
})

t.test('a secret that a person made up does not count as random, however long', async (t) => {
  for (const secret of [
    '',
    'password',
    'kX8-vq2W_tR7nPz4mB',
    'correct-horse-battery-staple-9X',
    'MyCompanyBillingServiceSecret2024',
    'Billing-Service-Prod-2024-Secret-1',
    'Acme2024Billing2025Prod2026Test99',
    'aB1aB1aB1aB1aB1aB1aB1aB1aB1aB1aB1',
    'AbCdEfGhIjKlMnOpQrStUvWxYz123456',
    'Qwertz1234Asdfgh5678Yxcvbn90aA1',
    'deadbeefdeadbeefdeadbeefdeadbeef',
    '0123456789abcdef0123456789abcdef',
    '00000000000000000000000000000000',
    'größe-Ω-kX8vq2WtR7nPz4mBkX8vq2WtR7',
  ])
    t.notOk(isRandomSecret(secret), secret)
})

t.test('a UUID that is counted, made of time or all alike does not count as random', async (t) => {
  for (const uuid of [
    '00000000-0000-4000-8000-000000000001',
    '11111111-1111-4111-9111-111111111111',
    'c232ab00-9414-11ec-b3c8-9f6bdeced846',
    '0191f3a2-7c4e-7b1a-9d52-3e8f6a0b4c7d',
  ])
    t.notOk(isRandomSecret(uuid), uuid)
})
