/**
 * Weight of a value in a header like Accept (RFC 9110 section 12.4.2): 0 to 1; `undefined` if it is absent. Ignores
 * parameters other than `q`.
 */
export function weightOf(header: string | undefined, value: string): number | undefined {
  let weight: number | undefined
  for (const range of (header ?? '').split(',')) {
    const [name = '', ...parameters] = range.split(';')
    if (name.trim().toLowerCase() !== value) continue
    weight = Math.max(weight ?? 0, qOf(parameters))
  }
  return weight
}

function qOf(parameters: readonly string[]): number {
  const q = parameters
    .map((text) => /^\s*q\s*=\s*(.*?)\s*$/i.exec(text)?.[1])
    .find((text) => text !== undefined)
  if (q === undefined) return 1
  // An invalid weight counts as 0.
  return /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(q) ? Number(q) : 0
}
