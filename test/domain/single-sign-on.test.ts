import t from 'tap'
import { displayNameOf } from '../../src/domain/single-sign-on.ts'

t.test('a person is shown by the first claim in which there is something to see', (t) => {
  const cases = [
    [{ name: 'Alice', sub: 'a' }, 'Alice'],
    [{ name: ' ', preferred_username: 7, email: 'a@acme.test', sub: 'a' }, 'a@acme.test'],
    [{ name: '\0\x1f\x7f', sub: 'a' }, 'a'],
    [{ name: 'Al\0ice\ud800 B\n.' }, 'Alice B.'],
    [{ name: `${'a'.repeat(199)}👩` }, 'a'.repeat(199)],
    [{ sub: '\0' }, 'Somebody'],
  ] as const
  for (const [claims, shown] of cases) t.equal(displayNameOf(claims), shown)
  t.end()
})
