import { importJWK, type JWTHeaderParameters, SignJWT } from 'jose'
import pg from 'pg'
import { createSealer } from '../../src/crypto/sealing.ts'
import { signingKeyContext } from '../../src/operations/realms/sealed-keys.ts'
import { MASTER_KEY, type TestServer } from './server.ts'

export type Forge = (
  claims: Record<string, unknown>,
  header?: Partial<JWTHeaderParameters>,
) => Promise<string>

/** Signs anything with a realm's own current key, as only the server can. */
export async function forging({ databaseUrl }: TestServer, realm = 'acme'): Promise<Forge> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  const { rows } = await client.query(
    `select k.realm_id, k.kid, k.algorithm, k.sealed_private_jwk from signing_keys k join realms r on r.id = k.realm_id
     where r.name = $1 and k.state = 'current'`,
    [realm],
  )
  await client.end()
  const sealer = createSealer([Buffer.from(MASTER_KEY, 'base64url')])
  const context = signingKeyContext(rows[0].realm_id, rows[0])
  const jwk = JSON.parse(Buffer.from(sealer.open(rows[0].sealed_private_jwk, context)).toString())
  const key = await importJWK(jwk, rows[0].algorithm)
  return (claims, header = {}) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: rows[0].algorithm, kid: rows[0].kid, typ: 'at+jwt', ...header })
      .sign(key)
}
