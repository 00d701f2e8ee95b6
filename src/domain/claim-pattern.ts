/** What `*` does not stand for: names of different owners stay apart. */
const DELIMITER = /([/:])/

/**
 * Whether a text is of a pattern, in which `*` stands for one or more characters other than `/` and `:`. Between those two
 * each part is compared on its own, without a regular expression, so that no input makes it slow.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  const wanted = pattern.split(DELIMITER)
  const parts = text.split(DELIMITER)
  return wanted.length === parts.length && wanted.every((part, at) => matchesPart(part, parts[at] as string))
}

/** Goes back to the last `*` alone: what came before it is as good with as little of the text as possible. */
function matchesPart(pattern: string, text: string): boolean {
  let at = 0
  let star = -1
  let taken = 0
  let position = 0
  while (position < text.length) {
    if (pattern[at] === '*') {
      star = at++
      // At least one character.
      taken = ++position
    } else if (at < pattern.length && pattern[at] === text[position]) {
      at++
      position++
    } else if (star >= 0) {
      at = star + 1
      position = ++taken
    } else return false
  }
  return at === pattern.length
}
