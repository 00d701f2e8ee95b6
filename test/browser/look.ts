import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'

/** Folder for screenshots of each page, to be looked at. Default: none are taken. */
const SCREENSHOTS = process.env['SCREENSHOTS']
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
const WIDTHS = [360, 768, 1280, 1920]

if (SCREENSHOTS) mkdirSync(SCREENSHOTS, { recursive: true })

/** Looks at a page light and dark, narrow and wide: what axe finds, and screenshots where they are asked for. */
export async function look(t: Test, page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: width < 500 ? 740 : 800 })
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      t.ok(overflow <= 0, `${name} does not scroll sideways at ${width} px`)
      if (SCREENSHOTS)
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
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source)
  return page.evaluate(async (runOnly) => {
    const { axe: there } = window as unknown as { axe: typeof axe }
    const { violations: found } = await there.run(document, { runOnly, resultTypes: ['violations'] })
    return found.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    )
  }, TAGS)
}
