import { CLOUD_PRESETS } from './federation-presets/clouds.ts'
import { KUBERNETES_PRESETS } from './federation-presets/kubernetes.ts'
import { PIPELINE_PRESETS } from './federation-presets/pipelines.ts'
import type { ClaimPath, FederationPreset } from './federation-presets/preset.ts'
import { SPIFFE_PRESET } from './federation-presets/spiffe.ts'

export type { ClaimPath, FederationPreset, PresetClaim } from './federation-presets/preset.ts'

/** What a realm can be told of a platform by its name alone. */
export const FEDERATION_PRESETS = {
  ...PIPELINE_PRESETS,
  ...KUBERNETES_PRESETS,
  ...CLOUD_PRESETS,
  spiffe: SPIFFE_PRESET,
} as const satisfies Readonly<Record<string, FederationPreset>>

export type PresetName = keyof typeof FEDERATION_PRESETS

export const PRESET_NAMES = Object.keys(FEDERATION_PRESETS) as readonly PresetName[]

export function presetOf(name: string): FederationPreset | undefined {
  return PRESET_NAMES.includes(name as PresetName) ? FEDERATION_PRESETS[name as PresetName] : undefined
}

// Each cluster that was set up without an address of its own has one of these names.
const UNNAMED_CLUSTER = /^https:\/\/kubernetes\.default\.svc(\.cluster\.local)?$/

/** What to know before an issuer is trusted: what the platform brings along, and what this address looks like. */
export function issuerWarnings(preset: FederationPreset | undefined, issuer: string): readonly string[] {
  const warnings = [...(preset?.warnings ?? [])]
  if (preset && !preset.issuerPattern.test(issuer))
    warnings.unshift(`The issuer does not look like one of ${preset.title}: ${preset.issuerExample}.`)
  if (UNNAMED_CLUSTER.test(issuer))
    warnings.unshift(
      'Many clusters have this issuer. Upload the keys of yours, or give the cluster an issuer of its own.',
    )
  return warnings
}

/** What a rule says; a claim of one member may be a text. */
export interface WarnedRule {
  readonly claim: string | ClaimPath
  readonly equals?: unknown
  readonly matches?: string
}

const DEFAULT_ACCOUNT =
  'The service account "default" is that of every pod without one of its own. Give the workload its own.'

/** Claims that hold a name which somebody else can get later, and the one that holds the id instead. */
const NAMES_AND_IDS: Readonly<Record<string, string>> = {
  repository: 'repository_id',
  repository_owner: 'repository_owner_id',
  project_path: 'project_id',
  namespace_path: 'namespace_id',
  email: 'sub',
}

/** What to know of a binding: rules that hold for more workloads than they seem to, or stop holding for the right one. */
export function bindingWarnings(preset: string | null | undefined, rules: readonly WarnedRule[]): string[] {
  const found = new Set<string>()
  const pinned = new Set(rules.filter(({ equals }) => equals !== undefined).map(({ claim }) => textOf(claim)))
  for (const rule of rules) {
    const claim = textOf(rule.claim)
    const values = valuesOf(rule)
    if (namesDefaultAccount(claim, values)) found.add(DEFAULT_ACCOUNT)
    const id = NAMES_AND_IDS[claim]
    if (id !== undefined && Object.hasOwn(NAMES_AND_IDS, claim) && !pinned.has(id))
      found.add(`${claim} is a name, which somebody else may get later. Pin ${id} too.`)
    if (preset === 'github' && claim === 'sub') addAll(found, values.flatMap(githubSubjectWarnings))
  }
  return [...found]
}

function namesDefaultAccount(claim: string, values: readonly string[]): boolean {
  if (claim === 'kubernetes.io/serviceaccount/name') return values.includes('default')
  return claim === 'sub' && values.some((value) => /^system:serviceaccount:[^:]+:default$/.test(value))
}

const NAMED_SUBJECT = /^repo:[^@/:]+\/[^@/:]+(:|$)/

function githubSubjectWarnings(value: string): string[] {
  if (!NAMED_SUBJECT.test(value)) return []
  return [
    'This sub has names alone. Repositories created, renamed or transferred since 15 July 2026 send ids in it ' +
      '(repo:acme@1234/app@5678:…). Pin repository_id and repository_owner_id instead.',
  ]
}

function textOf(claim: string | ClaimPath): string {
  return typeof claim === 'string' ? claim : claim.join('/')
}

function valuesOf({ equals, matches }: WarnedRule): string[] {
  const values = Array.isArray(equals) ? equals : [equals, matches]
  return values.filter((value) => typeof value === 'string')
}

function addAll(found: Set<string>, texts: readonly string[]): void {
  for (const text of texts) found.add(text)
}
