import { type ClaimPath, type ClaimRule, pathText } from '../../domain/claim-rule.ts'
import { type FederationPreset, presetOf, type WarnedRule } from '../../domain/federation-presets.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { TrustedIssuer } from '../../domain/trusted-issuer.ts'
import { more, select } from './choices.ts'
import { atMost, faultText } from './elements.ts'
import { type Content, Html, html } from './html.ts'
import { claimText, lines, readClaim } from './trusted-issuer-frame.ts'
import type { Fields } from './visit.ts'

/** A claim that can be asked for, by one row of the form. */
interface Row {
  /** `undefined`: its name is typed. */
  readonly claim: ClaimPath | undefined
  readonly meaning: Content
  readonly example: string | number | boolean | undefined
  readonly isMain: boolean
}

/** Values of a row. */
export interface TypedRow {
  readonly claim: string
  readonly how: string
  readonly value: string
}

/** Rows for claims that the preset does not know. */
const FREE_ROWS = 3

const SUB: Row = { claim: ['sub'], meaning: 'Which workload it is.', example: undefined, isMain: true }

function rowsOf({ preset, requiredClaims }: TrustedIssuer): readonly Row[] {
  const known = preset === undefined ? undefined : presetOf(preset)
  const main = [...requiredClaims, ['sub']].map((path) => path.join('\0'))
  const isMain = (path: ClaimPath) => main.includes(path.join('\0'))
  const described = known ? known.claims.map((one) => rowOf(known, one.claim, isMain(one.claim))) : [SUB]
  const has = (path: ClaimPath) => described.some(({ claim }) => claim?.join('\0') === path.join('\0'))
  const others = requiredClaims
    .filter((path) => !has(path))
    .map((claim): Row => ({ claim, meaning: undefined, example: undefined, isMain: true }))
  const free: Row = { claim: undefined, meaning: undefined, example: undefined, isMain: known === undefined }
  return [...others, ...described, ...new Array<Row>(FREE_ROWS).fill(free)]
}

function rowOf({ claims }: FederationPreset, path: ClaimPath, isMain: boolean): Row {
  const { meaning, example } = claims.find(
    ({ claim }) => claim === path,
  ) as FederationPreset['claims'][number]
  return { claim: path, meaning, example, isMain }
}

/** What was typed, by row. */
export function typedRows(issuer: TrustedIssuer, sent: Fields): readonly TypedRow[] {
  return rowsOf(issuer).map((row, at) => ({
    claim: sent.get(`claim_${at}`).trim(),
    how: sent.get(`how_${at}`) || defaultHow(row),
    value: sent.get(valueNameOf(at)),
  }))
}

function defaultHow({ example }: Row): string {
  return typeof example === 'string' || example === undefined ? 'equals' : 'value'
}

/** Rules of the rows that are filled in. @throws Refusal `invalid` */
export function readRules(issuer: TrustedIssuer, typed: readonly TypedRow[]): WarnedRule[] {
  const rules: WarnedRule[] = []
  for (const [at, { claim: path }] of rowsOf(issuer).entries()) {
    const { claim, how, value } = typed[at] as TypedRow
    const values = lines(value)
    if (values.length === 0 && (path !== undefined || claim === '')) continue
    const field = `rules.${rules.length}`
    if (values.length === 0)
      throw new Refusal('invalid', `Say what ${claim} has to be, or leave its name empty.`, field)
    const name = (path ?? readClaim(claim) ?? []) as ClaimPath
    rules.push({ claim: name, ...conditionOf(how, values, field) })
  }
  return rules
}

/** Reports the fault of a rule at the value of its row. */
export function atRow(typed: readonly TypedRow[], error: unknown): never {
  const [, index] = error instanceof Refusal ? (/^rules\.(\d+)/.exec(error.field ?? '') ?? []) : []
  if (!(error instanceof Refusal) || index === undefined) throw error
  const filled = typed.flatMap(({ value, claim }, at) => (value.trim() !== '' || claim !== '' ? [at] : []))
  const row = filled[Number(index)]
  throw row === undefined ? error : new Refusal(error.code, error.message, valueNameOf(row))
}

function conditionOf(how: string, values: readonly string[], field: string): Omit<WarnedRule, 'claim'> {
  if (how === 'matches') return { matches: values.join('\n') }
  const read = how === 'value' ? values.map((text) => readValue(text, field)) : values
  return { equals: read.length === 1 ? read[0] : read }
}

function readValue(text: string, field: string): number | boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  if (/^-?\d{1,16}$/.test(text)) return Number(text)
  throw new Refusal('invalid', `${text} is neither a whole number nor true or false.`, field)
}

/** A row for each claim that the platform sends, with what it means. */
export function ruleFields(issuer: TrustedIssuer): Html {
  const rows = rowsOf(issuer).map((row, at) => ({ isMain: row.isMain, fields: rowFields(row, at) }))
  const show = (some: typeof rows) => html`<div class="rules">${some.map(({ fields }) => fields)}</div>`
  const others = rows.filter(({ isMain }) => !isMain)
  return html`${show(rows.filter(({ isMain }) => isMain))}
${others.length > 0 && more('More claims', show(others))}`
}

function rowFields(row: Row, at: number): Html {
  const { claim, meaning, example } = row
  const title = claim ? pathText(claim) : 'another claim'
  return html`<fieldset class="rule"><legend>${claim ? html`<code class="wrap">${claimText(claim)}</code>` : 'Another claim'}</legend>
<p class="hint" id="about_${at}">${meaning ?? (claim ? 'A claim that the issuer requires.' : html`Its name, or a list for a claim within a claim: <code class="wrap">["kubernetes.io", "pod", "name"]</code>.`)}${example !== undefined && html` For example <code class="wrap">${String(example)}</code>`}</p>
${!claim && claimField(at)}
${valueFields(row, at, title)}</fieldset>`
}

function claimField(at: number): Html {
  const name = `claim_${at}`
  return Html.of((form) => {
    const [value = ''] = form?.valuesOf(name, 'Another claim', ['']) ?? []
    return html`<input name="${name}" aria-label="Name of another claim" value="${value}" autocomplete="off" spellcheck="false" ${atMost(500)}>`
  })
}

/** How the claim is compared, and with what. */
function valueFields(row: Row, at: number, title: string): Html {
  const name = valueNameOf(at)
  const how = select(`how_${at}`, hows(row), {
    chosen: defaultHow(row),
    label: `How ${title} is compared`,
    attributes: html` aria-label="How ${title} is compared"`,
  })
  return Html.of((form) => {
    const [value = ''] = form?.valuesOf(name, title, ['']) ?? []
    const fault = form?.faultOf([name])
    const described = `about_${at}${fault === undefined ? '' : ` ${name}-fault`}`
    return html`<div class="rule-value">${how}<textarea name="${name}" rows="1" aria-label="Value of ${title}" aria-describedby="${described}"${fault && html` aria-invalid="true" autofocus`} spellcheck="false" autocomplete="off" maxlength="10000">
${value}</textarea></div>
${faultText(name, fault)}`
  })
}

function valueNameOf(at: number): string {
  return `value_${at}`
}

function hows({ claim, example }: Row): readonly (readonly [how: string, label: string])[] {
  const texts = [
    ['equals', 'equals'],
    ['matches', 'matches'],
  ] as const
  const value = ['value', 'equals the number, or true or false'] as const
  if (!claim) return [...texts, value]
  return example === undefined || typeof example === 'string' ? texts : [['value', 'equals']]
}

/** A rule for people. */
export function ruleText(rule: ClaimRule): Html {
  const code = (text: string) => html`<code class="wrap">${text}</code>`
  if ('matches' in rule) return html`${code(claimText(rule.claim))} matches ${code(rule.matches)}`
  const values = rule.equals.map(
    (one, at) => html`${at > 0 && ' or '}${code(typeof one === 'string' ? one : JSON.stringify(one))}`,
  )
  return html`${code(claimText(rule.claim))} is ${values}`
}
