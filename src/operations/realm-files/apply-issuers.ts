import type { SentSettings } from '../federation/sent-issuer.ts'
import { attempt, type FileWork, mayDelete } from './file-work.ts'
import { issuerToFile, pathToFile, presentIssuers } from './present-realm.ts'
import type { RealmFileIssuer } from './realm-file-schema.ts'
import { differing, updateOf } from './realm-plan.ts'

/** Trusts the issuers of the file, and changes those that are trusted. */
export async function applyIssuers(work: FileWork): Promise<void> {
  const wanted = work.file.value.trusted_issuers ?? []
  if (wanted.length === 0) return
  const present = new Map((await presentIssuers(work)).map((one) => [one.issuer, one]))
  for (const [index, entry] of wanted.entries()) {
    const path = ['trusted_issuers', index]
    const before = present.get(entry.issuer)
    if (!before) await attempt(work, path, () => trust(work, entry))
    else if (isDifferent(entry, issuerToFile(before)))
      await attempt(work, path, () => change(work, before.id, issuerToFile(before), entry))
  }
}

/** Ends the trust in issuers that the file does not name. */
export async function pruneIssuers(work: FileWork): Promise<void> {
  const { operations, actor, realm, file, changes } = work
  const { trusted_issuers: wanted } = file.value
  if (!wanted) return
  const named = new Set(wanted.map(({ issuer }) => issuer))
  const gone = (await presentIssuers(work)).filter(({ issuer }) => !named.has(issuer))
  if (!mayDelete(work, 'trusted_issuers', gone.length)) return
  for (const { id, issuer } of gone)
    await attempt(work, ['trusted_issuers'], async () => {
      await operations.trustedIssuers.delete(actor, realm.name, id)
      changes.push({ action: 'delete', kind: 'trusted_issuer', target: issuer })
    })
}

async function trust(
  { operations, actor, realm, changes, notes }: FileWork,
  entry: RealmFileIssuer,
): Promise<void> {
  const made = await operations.trustedIssuers.create(actor, realm.name, toSent(entry))
  changes.push({
    action: 'create',
    kind: 'trusted_issuer',
    target: entry.issuer,
    after: issuerToFile(made.issuer),
  })
  notes.push(...made.notes.map((note) => `${entry.issuer}: ${note}`))
}

async function change(
  { operations, actor, realm, changes }: FileWork,
  id: string,
  before: RealmFileIssuer,
  entry: RealmFileIssuer,
): Promise<void> {
  const { issuer } = await operations.trustedIssuers.update(actor, realm.name, id, toSent(entry))
  const about = { kind: 'trusted_issuer', target: entry.issuer } as const
  const update = updateOf(about, before, issuerToFile(issuer))
  if (update) changes.push(update)
}

function isDifferent(
  { required_claims: claims, preset, ...entry }: RealmFileIssuer,
  present: RealmFileIssuer,
): boolean {
  const paths = claims?.map(pathToFile)
  const named = { ...entry, ...(preset && { preset }), ...(paths && { required_claims: paths }) }
  return differing(named, present).length > 0
}

function toSent(entry: RealmFileIssuer): SentSettings {
  const { keys, preset, max_lifetime_seconds, single_use, required_claims, ...same } = entry
  return {
    ...same,
    preset: preset ?? undefined,
    keys: keys && { source: keys.source, jwksUri: keys.jwks_uri, url: keys.url, jwks: keys.jwks },
    maxLifetimeSeconds: max_lifetime_seconds,
    singleUse: single_use,
    requiredClaims: required_claims,
  }
}
