import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'

/** Screenshots of each page, to be looked at. */
const SCREENSHOTS = process.env['SCREENSHOTS'] ?? join(tmpdir(), 'mintmark-screenshots')
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
const WIDTHS = [360, 768, 1280, 1920]

mkdirSync(SCREENSHOTS, { recursive: true })

/** Looks at a page light and dark, narrow and wide: screenshots, and what axe finds. */
export async function look(t: Test, page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: width < 500 ? 740 : 800 })
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      t.ok(overflow <= 0, `${name} does not scroll sideways at ${width} px`)
      await page.screenshot({
        path: join(SCREENSHOTS, `${name}-${colorScheme}-${width}.png`),
        fullPage: true,
      })
      if (width < 1920)
        t.same(await violations(page), [], `axe finds nothing in ${name}, ${colorScheme}, ${width} px`)
    }
  }
}

async function violations(page: Page): Promise<string[]> {
  // By way of the debugger: the page's Content-Security-Policy lets no script in.
  await page.evaluate(axe.source)
  const { violations: found } = await page.evaluate(
    (tags) => (window as unknown as { axe: typeof axe }).axe.run(document, { runOnly: tags }),
    TAGS,
  )
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  )
}
