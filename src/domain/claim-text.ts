import type { CustomClaim } from './custom-claim.ts'
import { Refusal } from './refusal.ts'

/** A claim in short: `tenant=acme`, `limits.daily:=100`, `groups@=roles`, or all of it as JSON. */
export function claimText(one: CustomClaim): string {
  const { claim, audiences, ...rest } = one
  if (audiences || /[=\s]/.test(claim) || Object.keys(rest).length > 1) return JSON.stringify(one)
  if (one.from !== undefined) return `${claim}@=${one.from}`
  const { value } = one
  return typeof value === 'string' && !/[\n\r]|^\s|\s$/.test(value)
    ? `${claim}=${value}`
    : `${claim}:=${JSON.stringify(value)}`
}

/** Claims of a text, one on a line; what they may say is checked where they are saved. @throws Refusal `invalid` */
export function readClaimLines(text: string): CustomClaim[] {
  return linesOf(text).map((line) => {
    if (line.startsWith('{')) return parse(line) as CustomClaim
    const [, claim, sign, value = ''] = /^([^=]+?)(=|:=|@=)(.*)$/s.exec(line) ?? []
    if (claim === undefined)
      throw new Refusal(
        'invalid',
        `“${line}” is not like tenant=acme, daily:=100 or groups@=roles.`,
        'claims',
      )
    if (sign === '@=') return { claim, from: value as 'name' }
    return { claim, value: sign === '=' ? value : parse(value) }
  })
}

/** Pairs of a text, `key=value` on each line. @throws Refusal `invalid` */
export function readMetadataLines(text: string): Record<string, string> {
  const pairs = linesOf(text).map((line) => {
    const at = line.indexOf('=')
    if (at < 1) throw new Refusal('invalid', `“${line}” is not like cost_center=4711.`, 'metadata')
    return [line.slice(0, at), line.slice(at + 1)] as const
  })
  return Object.fromEntries(pairs)
}

function linesOf(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Refusal('invalid', `“${text}” is not JSON.`, 'claims')
  }
}
