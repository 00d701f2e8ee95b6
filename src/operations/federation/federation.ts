import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { Refusal } from '../../domain/refusal.ts'
import { findTrustedIssuer } from '../../storage/trusted-issuers.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed } from '../realms/named-realm.ts'
import { explanations } from './explain.ts'
import type { FetchedKeys, SourceState } from './fetched-keys.ts'
import type { IssuerRefusals } from './issuer-refusals.ts'

type Deps = Pick<Dependencies, 'db' | 'clock' | 'publicUrl' | 'refusals'>

/** What administrators ask about trusted issuers: why a token is refused, which were, and what is known of the keys. */
export function federation(deps: Deps, fetched: FetchedKeys, noted: IssuerRefusals) {
  const { db, refusals } = deps
  return {
    ...explanations(deps, fetched),
    refusals: noted.list,

    /** `undefined`: they were uploaded. @throws Refusal `forbidden`, `not_found` */
    fetchedKeys(actor: Actor, realmName: string, id: string): Promise<SourceState | undefined> {
      const attempt = { actor, action: 'trusted-issuer.read', realm: realmName, target: id } as const
      return refusals.ofRead(attempt, async () => {
        requireAuthority(actor, realmName, 'view')
        const realm = await realmNamed(db, realmName)
        const issuer = await findTrustedIssuer(db, realm.id, id)
        if (!issuer) throw new Refusal('not_found', `The realm has no trusted issuer ${id}.`, 'id')
        return issuer.keys.kind === 'jwks' ? undefined : fetched.describe(realm.id, issuer.keys)
      })
    },
  }
}
