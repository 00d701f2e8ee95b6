import type { ClaimRule } from '../../domain/claim-rule.ts'
import type { ExplainedIdentity, ExplainedStep, Explanation } from '../../domain/explanation.ts'
import type { IssuerKeys, TrustedIssuer } from '../../domain/trusted-issuer.ts'
import type { WorkloadIdentity } from '../../domain/workload-identity.ts'
import type { Operations } from '../../operations/operations.ts'
import { trustedIssuerToWire } from '../../wire/trusted-issuer.ts'
import { accountPath } from './accounts.ts'
import type { AdminApi } from './admin-api.ts'
import { fromWire, pageFromWire, pathOf, toWire } from './wire.ts'

type Json = Readonly<Record<string, unknown>>

const issuerPath = (realm: string, id: string) => pathOf('realms', realm, 'trusted-issuers', id)

/** Trusted issuers, over the admin API. */
export function remoteTrustedIssuers({ ask }: AdminApi): Partial<Operations['trustedIssuers']> {
  const sentOf = ({ keys, ...sent }: object & { readonly keys?: object | undefined }) =>
    toWire({ ...sent, keys: keys && toWire(keys) })
  return {
    list: async (_actor, realm) =>
      pageFromWire((await ask('GET', pathOf('realms', realm, 'trusted-issuers'))).body, toIssuer).items,
    find: async (_actor, realm, id) => toIssuer((await ask('GET', issuerPath(realm, id))).body),
    create: async (_actor, realm, sent) =>
      toChanged((await ask('POST', pathOf('realms', realm, 'trusted-issuers'), { body: sentOf(sent) })).body),
    update: async (_actor, realm, id, sent) =>
      toChanged((await ask('PATCH', issuerPath(realm, id), { body: sentOf(sent) })).body),
    delete: async (_actor, realm, id) => (await ask('DELETE', issuerPath(realm, id))).status === 204,
  }
}

function toIssuer(body: unknown): TrustedIssuer {
  const { keys, ...issuer } = fromWire<TrustedIssuer & { readonly keys: unknown }>(body)
  return { ...issuer, keys: toKeys(keys as unknown as Json) }
}

function toKeys({ source, jwks, jwks_uri, url }: Json): IssuerKeys {
  if (source === 'jwks') return { kind: source, keys: (jwks as { keys: [] }).keys }
  if (source === 'discovery') return { kind: source } as IssuerKeys
  return { kind: source, address: jwks_uri ?? url } as IssuerKeys
}

function toChanged(body: unknown) {
  const issuer = toIssuer(body)
  const { warnings } = body as { warnings: readonly string[] }
  const lasting = trustedIssuerToWire(issuer).warnings
  return { issuer, notes: warnings.filter((one) => !lasting.includes(one)) }
}

/** Which tokens of trusted issuers get in. */
export function remoteWorkloadIdentities({ ask }: AdminApi): Partial<Operations['workloadIdentities']> {
  const path = (realm: string, clientId: string) => `${accountPath(realm, clientId)}/workload-identities`
  const presetOf = async (realm: string, id: string) =>
    toIssuer((await ask('GET', issuerPath(realm, id))).body).preset
  const read = async (realm: string, clientId: string, body: unknown): Promise<WorkloadIdentity> => {
    const {
      trustedIssuer: issuerId,
      rules,
      ...identity
    } = fromWire<WorkloadIdentity & { trustedIssuer: string }>(body)
    return {
      ...identity,
      clientId,
      issuerId,
      preset: await presetOf(realm, issuerId),
      rules: rules.map(toRule),
    }
  }
  return {
    list: async (_actor, realm, clientId) => {
      const { items } = (await ask('GET', path(realm, clientId))).body as { items: unknown[] }
      const identities: WorkloadIdentity[] = []
      for (const item of items) identities.push(await read(realm, clientId, item))
      return identities
    },
    find: async (_actor, realm, clientId, id) =>
      read(realm, clientId, (await ask('GET', path(realm, clientId) + pathOf(id))).body),
    create: async (_actor, realm, clientId, asked) => {
      const { body } = await ask('POST', path(realm, clientId), { body: toWire(asked) })
      return { identity: await read(realm, clientId, body), accountVersion: 0 }
    },
    delete: async (_actor, realm, clientId, id) =>
      void (await ask('DELETE', path(realm, clientId) + pathOf(id))),
  }
}

function toRule(rule: unknown): ClaimRule {
  const { claim, equals, matches } = rule as Json
  if (matches !== undefined) return { claim, matches } as unknown as ClaimRule
  return { claim, equals: [equals].flat() } as unknown as ClaimRule
}

/** Why a token of a platform is refused. */
export function remoteFederation({ ask }: AdminApi): Partial<Operations['federation']> {
  return {
    explain: async (_actor, realm, asked) => {
      const path = pathOf('realms', realm, 'trusted-issuers', 'explain')
      return toExplanation((await ask('POST', path, { body: toWire(asked) })).body as Json)
    },
  }
}

function toExplanation(body: Json): Explanation {
  const {
    reason: fault,
    workloadIdentities,
    more: isCut,
    steps,
    ...same
  } = fromWire<Record<string, unknown>>(body)
  return {
    ...same,
    fault,
    isCut,
    steps: (body['steps'] as Json[]).map(
      ({ reason, note, ok, ...step }) =>
        ({
          ...step,
          ok: ok ?? undefined,
          note: note ?? undefined,
          fault: reason ?? undefined,
        }) as ExplainedStep,
    ),
    identities: (body['workload_identities'] as Json[]).map(toIdentity),
  } as unknown as Explanation
}

function toIdentity(body: Json): ExplainedIdentity {
  const {
    accountDisabled: isDisabled,
    federated: isFederated,
    rules,
    ...same
  } = fromWire<Record<string, unknown>>(body)
  return {
    ...same,
    isDisabled,
    isFederated,
    rules: (rules as Json[]).map(({ claim, expected, ok, found, note }) => ({
      rule: toRule({ claim, ...(expected as object) }),
      ok,
      found: found ?? undefined,
      note: note ?? undefined,
    })),
  } as unknown as ExplainedIdentity
}
