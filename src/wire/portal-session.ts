import type { Access } from '../domain/authority.ts'

interface Session {
  readonly id: string
  readonly subject: string
  readonly displayName: string
  readonly access: Access
  readonly address: string
  readonly createdAt: Date
}

/** A session of a person as JSON of the admin API and of the CLI's `--json`. */
export function portalSessionToWire(session: Session, realm: string) {
  return {
    id: session.id,
    realm,
    subject: session.subject,
    display_name: session.displayName,
    access: session.access,
    address: session.address,
    created_at: session.createdAt,
  }
}
