/**
 * The weight that a header like Accept gives to a value it names (RFC 9110 section 12.4.2): 0 to 1; `undefined` where it
 * names it not at all. Parameters other than `q` are not looked at.
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
  // What is no weight asks for nothing.
  return /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(q) ? Number(q) : 0
}
