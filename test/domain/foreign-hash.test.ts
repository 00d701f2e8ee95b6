import t from 'tap'
import { parseForeignHash } from '../../src/domain/foreign-hash.ts'

const SALT = 'GcN4by3lPEeIcQ5hbA1hTA'
const DIGEST = '6RNG2HaMbN17LI6vqhLOhvic972LSx/7giVrrVRcUs4'
const BCRYPT = 'kjDEaZxEubzWVsjPH52RXu.uVO.tIhTdgA4j/SEyRstx69cxkdkGa'

t.test('a hash whose check would cost too much is refused', async (t) => {
  for (const hash of [
    `$argon2id$v=19$m=262145,t=1,p=1$${SALT}$${DIGEST}`,
    `$argon2id$v=19$m=65536,t=17,p=1$${SALT}$${DIGEST}`,
    `$argon2id$v=19$m=999999999,t=999999999,p=16$${SALT}$${DIGEST}`,
    `$argon2id$v=19$m=65536,t=1,p=17$${SALT}$${DIGEST}`,
    `$2b$15$${BCRYPT}`,
    `$2b$31$${BCRYPT}`,
    `$pbkdf2-sha256$1000001$${SALT}$${DIGEST}`,
    `$pbkdf2-sha512$i=999999999,l=32$${SALT}$${DIGEST}`,
  ])
    t.throws(() => parseForeignHash(hash), { code: 'invalid', field: 'secret_hash' }, hash)
  t.ok(parseForeignHash(`$2b$14$${BCRYPT}`))
  t.ok(parseForeignHash(`$pbkdf2-sha256$1000000$${SALT}$${DIGEST}`))
  t.ok(parseForeignHash(`$argon2id$v=19$m=65536,t=16,p=4$${SALT}$${DIGEST}`))
})

t.test('a text that is no hash of a kind that is taken is refused', async (t) => {
  for (const hash of [
    '',
    'password',
    `$2x$10$${BCRYPT}`,
    `$2$10$${BCRYPT}`,
    `$2b$03$${BCRYPT}`,
    `$2b$10$${BCRYPT}x`,
    `$2b$10$${BCRYPT.slice(1)}`,
    `$argon2i$v=19$m=65536,t=2,p=1$${SALT}$${DIGEST}`,
    `$argon2id$v=16$m=65536,t=2,p=1$${SALT}$${DIGEST}`,
    `$argon2id$v=19$m=7,t=2,p=1$${SALT}$${DIGEST}`,
    `$argon2id$v=19$m=65536,t=0,p=1$${SALT}$${DIGEST}`,
    `$argon2id$v=19$m=65536,t=2,p=0$${SALT}$${DIGEST}`,
    `$argon2id$v=19$m=65536,t=2,p=1$AAAA$${DIGEST}`,
    `$argon2id$v=19$m=65536,t=2,p=1$${SALT}$AAAA`,
    `$pbkdf2-sha1$1000$${SALT}$${DIGEST}`,
    `$pbkdf2-sha256$0$${SALT}$${DIGEST}`,
    `$pbkdf2-sha256$1000$${SALT}$`,
    `$pbkdf2-sha256$1000$${SALT}$${DIGEST}\n`,
    'sha256:',
    `sha256:${'a'.repeat(63)}`,
    `sha256:${'z'.repeat(64)}`,
    `sha512:${'a'.repeat(64)}`,
    `sha256:${DIGEST.slice(0, -1)}5`,
    `sha1:${'a'.repeat(40)}`,
    `md5:${'a'.repeat(32)}`,
  ])
    t.throws(() => parseForeignHash(hash), { code: 'invalid', field: 'secret_hash' }, hash)
})
