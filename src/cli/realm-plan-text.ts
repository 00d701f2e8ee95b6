import type { PlannedChange, RealmPlan } from '../operations/realm-files/realm-plan.ts'
import { printable } from './table.ts'

/** New resources, and notes, that are listed one by one. */
const LISTED = 50

const SIGNS = { create: '+', update: '~', delete: '-' } as const

const KINDS = {
  realm: 'realm',
  trusted_issuer: 'trusted issuer',
  resource: 'resource',
  service_account: 'service account',
  key: 'key',
  workload_identity: 'workload identity',
  grant: 'grant',
  webhook: 'web hook',
} as const

export function summaryOf(plans: readonly RealmPlan[]) {
  const countOf = (wanted: string) =>
    plans.flatMap(({ changes }) => changes).filter(({ action }) => action === wanted).length
  return { created: countOf('create'), updated: countOf('update'), deleted: countOf('delete') }
}

/** The changes as a diff for people. */
export function planText(plans: readonly RealmPlan[], dryRun: boolean): string {
  const { created, updated, deleted } = summaryOf(plans)
  const counts = dryRun
    ? `${created} to create, ${updated} to change, ${deleted} to delete.`
    : `${created} created, ${updated} changed, ${deleted} deleted.`
  return [...plans.flatMap(realmLines), counts].map(printable).join('\n')
}

function realmLines({ realm, changes, notes }: RealmPlan): string[] {
  if (changes.length === 0) return [`realm ${realm}: no changes`, ...noteLines(notes)]
  const made = changes.filter(({ kind, action }) => kind === 'resource' && action === 'create')
  const unlisted = new Set(made.slice(LISTED))
  return [
    `realm ${realm}`,
    ...changes.filter((change) => !unlisted.has(change)).flatMap(changeLines),
    ...(unlisted.size > 0 ? [`  + ${unlisted.size} more resources (--json lists them)`] : []),
    ...noteLines(notes),
  ]
}

function noteLines(notes: readonly string[]): string[] {
  const more = notes.length > LISTED ? [`  ! and ${notes.length - LISTED} more (--json lists them)`] : []
  return [...notes.slice(0, LISTED).map((note) => `  ! ${note}`), ...more]
}

function changeLines({ action, kind, target, account, before, after }: PlannedChange): string[] {
  const of = account === undefined ? '' : ` of ${account}`
  const head = `  ${SIGNS[action]} ${KINDS[kind]} ${target}${of}`
  const members = Object.entries(after ?? {})
    .filter(([name, value]) => before || (name !== 'issuer' && !isEmpty(value)))
    .map(([name, value]) => {
      const told = before ? differenceText(before[name], value) : valueText(value)
      return `      ${name}: ${told}`
    })
  // The name of a new resource says all; the rest is long.
  return kind === 'resource' && action === 'create' ? [head] : [head, ...members]
}

function differenceText(before: unknown, after: unknown): string {
  if (!isTexts(before) || !isTexts(after)) return `${valueText(before)} → ${valueText(after)}`
  const added = after.filter((one) => !before.includes(one)).map((one) => `+${one}`)
  const gone = before.filter((one) => !after.includes(one)).map((one) => `-${one}`)
  return [...added, ...gone].join(' ') || `${valueText(before)} → ${valueText(after)}`
}

function isEmpty(value: unknown): boolean {
  return value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0)
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

function valueText(value: unknown): string {
  if (isTexts(value)) return value.length === 0 ? 'none' : value.join(', ')
  if (value === null || value === undefined) return 'none'
  return typeof value === 'string' ? value || '(empty)' : JSON.stringify(value)
}
