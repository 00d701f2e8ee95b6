import t from 'tap'
import { html, named } from '../../src/http/portal/html.ts'
import { when } from '../../src/http/portal/times.ts'

t.test('values are escaped in pages, except markup made by html', async (t) => {
  const evil = `<b a="1" b='2'>&`
  t.equal(String(html`<p>${evil}</p>`), '<p>&#60;b a&#61;&#34;1&#34; b&#61;&#39;2&#39;&#62;&#38;</p>')
  t.equal(String(html`${html`<i>${1}</i>`}${undefined}${false}${[html`<br>`, '<']}`), '<i>1</i><br>&#60;')
  t.equal(String(named('<')), '<bdi class="named">&#60;</bdi>')
})

t.test('times are told relative to now, exactly on hover', async (t) => {
  const now = new Date('2026-03-01T12:00:00Z')
  const told = (seconds: number) =>
    />([^<]+)</.exec(String(when(new Date(now.getTime() + seconds * 1000), now)))?.[1]
  t.same(
    [-5, -60, -3 * 3600, -86_400, -10 * 86_400, -70 * 86_400, -800 * 86_400, 30, 3 * 86_400 - 9].map(told),
    [
      'just now',
      '1 minute ago',
      '3 hours ago',
      'yesterday',
      'last week',
      '2 months ago',
      '2 years ago',
      'in less than a minute',
      'in 3 days',
    ],
  )
  t.match(String(when(now, now)), 'datetime="2026-03-01T12:00:00.000Z" title="2026-03-01 12:00:00 UTC"')
  t.match(String(when(undefined, now)), 'Never')
})
