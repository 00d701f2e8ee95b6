import type { Page } from 'playwright-core'

/** What a reader or a pointer cannot reach: it lies outside of its card, or of the window. */
const clipped = () => {
  const found: string[] = []
  const isHidden = (element: Element) =>
    !element.checkVisibility() || element.closest('.unseen, thead, .unseen-until-focus') !== null
  // By an ellipsis, on purpose: what is shown of it is checked by its box.
  const isShortened = (at: Element) => getComputedStyle(at).textOverflow === 'ellipsis'
  const scrolls = (element: Element, card: Element) => {
    for (let at: Element | null = element; at && at !== card; at = at.parentElement)
      if (/auto|scroll/.test(getComputedStyle(at).overflowX)) return true
    return false
  }
  for (const card of document.querySelectorAll('.card')) {
    const { left, right } = card.getBoundingClientRect()
    const texts = document.createTreeWalker(card, NodeFilter.SHOW_TEXT)
    const range = document.createRange()
    const check = (element: Element, rects: Iterable<DOMRect>) => {
      if (isHidden(element) || scrolls(element, card)) return
      for (const rect of rects)
        if (rect.width > 0 && (rect.right > right + 1 || rect.left < left - 1))
          found.push(`${element.tagName} ${element.textContent?.trim().slice(0, 40)}`)
    }
    while (texts.nextNode()) {
      range.selectNodeContents(texts.currentNode)
      const parent = texts.currentNode.parentElement as Element
      if (!isShortened(parent)) check(parent, range.getClientRects())
    }
    for (const element of card.querySelectorAll('a, button, input, select, code'))
      check(element, element.getClientRects())
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push('the page scrolls sideways')
  return [...new Set(found)]
}

/** Zoomed to 200 %, a window of 1920 px is one of 960 px to the page, which this covers. */
export async function sweep(page: Page): Promise<string[]> {
  const found: string[] = []
  for (let width = 320; width <= 1920; width += 20) {
    await page.setViewportSize({ width: width, height: 800 })
    for (const what of await page.evaluate(clipped)) found.push(`${width} px: ${what}`)
  }
  return found
}
