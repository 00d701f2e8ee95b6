import { createLocalJWKSet, decodeJwt, type JWTPayload, jwtVerify } from 'jose'
import { decodeStatusList, type StatusList, statusAt } from '../../packages/verifier/src/status-list.ts'
import type { TestServer } from './server.ts'

export interface ReadStatusList {
  readonly claims: JWTPayload
  readonly list: StatusList
}

/** A realm's list as it is served, its signature checked by the published keys. */
export async function readStatusList(
  { app, clock }: Pick<TestServer, 'app' | 'clock'>,
  realm = 'acme',
  id = 0,
): Promise<ReadStatusList> {
  const path = `/realms/${realm}/protocol/openid-connect`
  const answer = await app.inject(`${path}/status-lists/${id}`)
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${answer.body}`)
  const keys = createLocalJWKSet((await app.inject(`${path}/certs`)).json())
  const { payload } = await jwtVerify(answer.body, keys, { typ: 'statuslist+jwt', currentDate: clock.now })
  return { claims: payload, list: await decodeStatusList(payload['status_list']) }
}

/** Where a token says that its status is. */
export function statusOf(token: string): { readonly idx: number; readonly uri: string } {
  const { status } = decodeJwt<{ status: { status_list: { idx: number; uri: string } } }>(token)
  return status.status_list
}

/** 0 is valid, 1 is not. */
export async function statusOfToken(
  server: Pick<TestServer, 'app' | 'clock'>,
  token: string,
): Promise<number | undefined> {
  return statusAt((await readStatusList(server)).list, statusOf(token).idx)
}
