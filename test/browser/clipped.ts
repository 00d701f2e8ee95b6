import type { Page } from 'playwright-core'

/** What a reader or a pointer cannot reach, for it lies outside of its card or of the window; and words that are broken. */
const clipped = () => {
  const found: string[] = []
  const isHidden = (element: Element) =>
    !element.checkVisibility() || element.closest('.unseen, thead, .unseen-until-focus, .skip') !== null
  // By an ellipsis, on purpose: what is shown of it is checked by its box.
  const isShortened = (at: Element) => getComputedStyle(at).textOverflow === 'ellipsis'
  const scrolls = (element: Element, card: Element) => {
    for (let at: Element | null = element; at && at !== card; at = at.parentElement)
      if (/auto|scroll/.test(getComputedStyle(at).overflowX)) return true
    return false
  }
  const range = document.createRange()
  const short = (element: Element) => `${element.tagName} ${element.textContent?.trim().slice(0, 40)}`
  for (const card of document.querySelectorAll('.card, main, header')) {
    const { left, right } = card.getBoundingClientRect()
    const check = (element: Element, rects: Iterable<DOMRect>) => {
      if (isHidden(element) || scrolls(element, card)) return
      for (const rect of rects)
        if (rect.width > 0 && (rect.right > right + 1 || rect.left < left - 1)) found.push(short(element))
    }
    const texts = document.createTreeWalker(card, NodeFilter.SHOW_TEXT)
    while (texts.nextNode()) {
      range.selectNodeContents(texts.currentNode)
      const parent = texts.currentNode.parentElement as Element
      if (!isShortened(parent)) check(parent, range.getClientRects())
    }
    for (const element of card.querySelectorAll('a, button, input, select, textarea, code, meter'))
      check(element, element.getClientRects())
  }
  // A word of up to twelve letters has room on a line of its own.
  if (innerWidth >= 320)
    for (const name of document.querySelectorAll('td .named, h1 .named, .lines .named')) {
      const text = name.firstChild
      if (isHidden(name) || !text) continue
      for (const { index, 0: word } of (text.textContent ?? '').matchAll(
        /(?<!\S)[\p{L}\p{N}]{2,12}(?!\S)/gu,
      )) {
        range.setStart(text, index)
        range.setEnd(text, index + word.length)
        if (new Set([...range.getClientRects()].map(({ top }) => top)).size > 1) found.push(`broken: ${word}`)
      }
    }
  if (document.documentElement.scrollWidth > innerWidth) found.push('the page scrolls sideways')
  return [...new Set(found)]
}

/** From 320 to 1920 px in steps of 20. Zoomed to 200 %, a page has half of them: from 160 px in steps of 10. */
const WIDTHS = [...new Set([1, 2].flatMap((zoom) => steps().map((width) => width / zoom)))]

function steps(): number[] {
  return Array.from({ length: 81 }, (_, at) => 320 + 20 * at)
}

export async function sweep(page: Page): Promise<string[]> {
  const found: string[] = []
  const debug = await page.context().newCDPSession(page)
  for (const width of WIDTHS) {
    const metrics = { width, height: 800, deviceScaleFactor: 1, mobile: false }
    await debug.send('Emulation.setDeviceMetricsOverride', metrics)
    for (const what of await page.evaluate(clipped)) found.push(`${width} px: ${what}`)
  }
  await debug.send('Emulation.clearDeviceMetricsOverride')
  await debug.detach()
  return found
}
