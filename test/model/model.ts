import fc from 'fast-check'
import pg from 'pg'
import type { Test } from 'tap'
import { Refusal } from '../../src/domain/refusal.ts'
import type { ServiceAccountWithSecret } from '../../src/operations/accounts/new-service-account.ts'
import {
  assertionClaims,
  assertionForm,
  type KeyPair,
  keyPair,
  publicJwk,
  signAssertion,
} from '../support/assertion.ts'
import { PUBLIC_URL, TESTER, type TestServer, testClock, testServer } from '../support/server.ts'

const NAMES = ['one', 'two', 'three'] as const
const LIMIT = 3
const METHODS = ['client_secret', 'private_key_jwt']
const MAX_KEYS = 10
const TOKEN_SECONDS = 300
const DAY = 86_400

/** What is done next, and at which of the two nodes. */
type Step = { readonly node: 0 | 1; readonly on: number } & (
  | {
      readonly kind:
        | 'create'
        | 'reset'
        | 'rotate'
        | 'finish'
        | 'disable'
        | 'enable'
        | 'delete'
        | 'revoke-tokens'
    }
  | { readonly kind: 'create-twice' | 'reset-twice' | 'rotate-key' | 'leak' | 'make-again' }
  | { readonly kind: 'token'; readonly secret: 'newest' | 'older' | 'dead' | 'wrong' }
  | { readonly kind: 'add-key' }
  | { readonly kind: 'delete-key'; readonly keepTokens: boolean }
  | { readonly kind: 'assert'; readonly key: 'newest' | 'older' | 'dead' | 'stranger' | 'again' }
  | { readonly kind: 'introspect'; readonly token: number }
  | { readonly kind: 'roles'; readonly roles: readonly string[] }
  | { readonly kind: 'wait'; readonly seconds: number }
)

const where = { node: fc.constantFrom(0 as const, 1 as const), on: fc.nat(NAMES.length - 1) }

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ ...where, kind: fc.constant('create' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      ...where,
      kind: fc.constantFrom(
        'reset',
        'rotate',
        'finish',
        'disable',
        'enable',
        'delete',
        'revoke-tokens',
        'leak',
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...where,
      kind: fc.constantFrom('create-twice', 'reset-twice', 'rotate-key', 'make-again'),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      ...where,
      kind: fc.constant('token' as const),
      secret: fc.constantFrom('newest', 'newest', 'older', 'dead', 'wrong'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ ...where, kind: fc.constant('add-key' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      ...where,
      kind: fc.constant('delete-key' as const),
      keepTokens: fc.boolean(),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      ...where,
      kind: fc.constant('assert' as const),
      key: fc.constantFrom('newest', 'newest', 'older', 'dead', 'stranger', 'again'),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      ...where,
      kind: fc.constant('introspect' as const),
      token: fc.nat(20),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...where,
      kind: fc.constant('roles' as const),
      roles: fc.subarray(['view', 'introspect', 'account-admin']),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...where,
      kind: fc.constant('wait' as const),
      seconds: fc.constantFrom(1, 60, TOKEN_SECONDS, DAY + 1),
    }),
  },
) as fc.Arbitrary<Step>

export const sequences = fc.array(step, { minLength: 12, maxLength: 40, size: 'max' })

interface Key {
  readonly kid: string
  readonly pair: KeyPair
}

const STRANGER: Key = { kid: 'stranger', pair: keyPair('ES256') }

interface Account {
  readonly clientId: string
  /** Newest first. */
  secrets: { readonly secret: string; endsAt: number }[]
  dead: string[]
  /** Newest first. */
  keys: Key[]
  deadKeys: Key[]
  /** The last assertion that was accepted. */
  used: string | undefined
  disabled: boolean
  roles: readonly string[]
  /** Grows whenever all tokens so far die. */
  epoch: number
}

interface Token {
  readonly value: string
  readonly account: Account
  readonly epoch: number
  readonly expiresAt: number
}

/** Two nodes on one database, with one clock. */
export async function twoNodes(t: Test) {
  const clock = testClock(new Date('2026-06-01T00:00:00Z'))
  const first = await testServer(t, { clock })
  const second = await testServer(t, { clock, databaseUrl: first.databaseUrl })
  const client = new pg.Client(first.databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  let made = 0
  return async (steps: readonly Step[]) => {
    const run = new Run([first, second], `realm-${made++}`, (text, values) => client.query(text, values))
    await run.prepare()
    for (const one of steps) await run.do(one)
    await run.compareAll()
  }
}

type Query = (text: string, values: unknown[]) => Promise<unknown>

const ALWAYS = Number.POSITIVE_INFINITY

/** One sequence in a realm of its own: each step is done to the nodes and to the model, and the answers are compared. */
class Run {
  readonly #nodes: readonly TestServer[]
  readonly #realm: string
  readonly #query: Query
  readonly #accounts = new Map<string, Account>()
  readonly #tokens: Token[] = []
  #introspector = { client_id: '', client_secret: '' }
  #requests = 0

  constructor(nodes: readonly TestServer[], realm: string, query: Query) {
    this.#nodes = nodes
    this.#realm = realm
    this.#query = query
  }

  async prepare(): Promise<void> {
    const { operations } = this.#node(0)
    await operations.realms.create(TESTER, this.#realm, {
      serviceAccountLimit: LIMIT,
      leakedSecretAction: 'disable',
    })
    const made = await operations.accounts.create(TESTER, this.#realm, {
      name: 'API',
      roles: ['introspect'],
    })
    this.#introspector = { client_id: made.account.clientId, client_secret: made.clientSecret }
  }

  async do(step: Step): Promise<void> {
    const name = NAMES[step.on] as string
    const account = this.#accounts.get(name)
    // Two secrets are never of the same moment.
    this.#node(0).clock.advance(1)
    if (step.kind === 'wait') return this.#node(0).clock.advance(step.seconds)
    if (step.kind === 'introspect') return this.#introspect(step.node, step.token)
    if (step.kind === 'create' || step.kind === 'create-twice') return this.#create(step, name)
    if (step.kind === 'rotate-key')
      return void (await this.#node(step.node).operations.signingKeys.rotate(TESTER, this.#realm))
    if (step.kind === 'make-again') return this.#makeAgain(step.node)
    if (!account) return
    if (step.kind === 'token') return this.#token(step.node, account, step.secret)
    if (step.kind === 'assert') return this.#assert(step.node, account, step.key)
    return this.#change(step, name, account)
  }

  /** Deletes the realm and makes it again, as if the database's clock had been set back in between. */
  async #makeAgain(node: number): Promise<void> {
    const { operations } = this.#node(node)
    const { version } = await operations.realms.find(TESTER, this.#realm)
    await operations.realms.delete(TESTER, this.#realm)
    for (const account of this.#accounts.values()) account.epoch++
    this.#accounts.clear()
    await this.prepare()
    await this.#query('update realms set version = $1 where name = $2', [BigInt(version) - 1n, this.#realm])
  }

  async #create({ node, kind }: Step, name: string): Promise<void> {
    const attempts = kind === 'create-twice' ? [node, 1 - node] : [node]
    const outcomes = await Promise.all(
      attempts.map((at) =>
        this.#outcome(() =>
          this.#node(at).operations.accounts.create(TESTER, this.#realm, { name, authMethods: METHODS }),
        ),
      ),
    )
    const made = outcomes.filter((outcome) => typeof outcome !== 'string')
    const expected =
      this.#accounts.size + 1 >= LIMIT ? 'limit_reached' : this.#accounts.has(name) ? 'name_taken' : 'made'
    check(`create ${name}`, made.length, expected === 'made' ? 1 : 0)
    // Of two at once one is made, and the other one finds the name taken or the realm full.
    const refusals = outcomes.filter((outcome) => typeof outcome === 'string')
    for (const refusal of refusals)
      if (expected !== 'made') check(`create ${name}`, refusal, expected)
      else if (!['name_taken', 'limit_reached'].includes(refusal))
        check(`create ${name}`, refusal, 'name_taken')
    const [created] = made as ServiceAccountWithSecret[]
    if (!created) return
    this.#accounts.set(name, {
      clientId: created.account.clientId,
      secrets: [{ secret: created.clientSecret, endsAt: ALWAYS }],
      dead: [],
      keys: [],
      deadKeys: [],
      used: undefined,
      disabled: false,
      roles: ['view'],
      epoch: 0,
    })
  }

  async #change(step: Step, name: string, account: Account): Promise<void> {
    const { operations } = this.#node(step.node)
    const { clientId } = account
    const realm = this.#realm
    const valid = this.#valid(account)
    switch (step.kind) {
      case 'reset': {
        const { clientSecret } = await operations.secrets.reset(TESTER, realm, clientId)
        return replaceSecrets(account, clientSecret)
      }
      case 'reset-twice':
        return this.#resetTwice(account)
      case 'rotate': {
        const outcome = await this.#outcome(() => operations.secrets.startRotation(TESTER, realm, clientId))
        if (valid.length > 1) return check(`rotate ${name}`, outcome, 'conflict')
        if (typeof outcome === 'string') return check(`rotate ${name}`, outcome, 'a second secret')
        for (const one of valid) one.endsAt = Math.min(one.endsAt, this.#now() + DAY * 1000)
        account.secrets = [{ secret: outcome.clientSecret, endsAt: ALWAYS }, ...valid]
        return
      }
      case 'finish':
        return this.#finish(step.node, name, account)
      case 'disable':
      case 'enable': {
        const disabled = step.kind === 'disable'
        await operations.accounts.update(TESTER, realm, clientId, { enabled: !disabled })
        if (disabled && !account.disabled) account.epoch++
        account.disabled = disabled
        return
      }
      case 'roles':
        if (step.roles.length === 0) return
        await operations.accounts.update(TESTER, realm, clientId, { roles: step.roles })
        account.roles = step.roles
        return
      case 'revoke-tokens':
        await operations.accounts.revokeTokens(TESTER, realm, clientId)
        account.epoch++
        return
      case 'leak': {
        const [newest] = valid
        if (!newest) return
        const report = { token: newest.secret, url: undefined, source: undefined }
        check('leak', await operations.leakedSecrets.report(realm, [report], '::1'), 1)
        account.secrets = valid.slice(1)
        account.dead.push(newest.secret)
        account.epoch++
        return
      }
      case 'add-key': {
        const pair = keyPair('ES256')
        const outcome = await this.#outcome(() =>
          operations.clientKeys.add(TESTER, realm, clientId, { jwk: publicJwk(pair) }),
        )
        if (account.keys.length === MAX_KEYS) return check(`add a key to ${name}`, outcome, 'limit_reached')
        if (typeof outcome === 'string') return check(`add a key to ${name}`, outcome, 'a key')
        account.keys.unshift({ kid: outcome.key.kid, pair })
        return
      }
      case 'delete-key': {
        const key = account.keys.pop()
        if (!key) return
        await operations.clientKeys.delete(TESTER, realm, clientId, {
          kid: key.kid,
          keepTokens: step.keepTokens,
        })
        account.deadKeys.push(key)
        if (!step.keepTokens) account.epoch++
        return
      }
      case 'delete':
        await operations.accounts.delete(TESTER, realm, clientId)
        account.epoch++
        this.#accounts.delete(name)
        return check(
          `read ${name}`,
          await this.#outcome(() =>
            this.#node(1 - step.node).operations.accounts.find(TESTER, realm, clientId),
          ),
          'not_found',
        )
    }
  }

  async #resetTwice(account: Account): Promise<void> {
    const resets = await Promise.all(
      [0, 1].map((at) => this.#node(at).operations.secrets.reset(TESTER, this.#realm, account.clientId)),
    )
    const [old] = account.secrets
    if (old) account.dead.push(old.secret)
    const secrets = resets.map(({ clientSecret }) => clientSecret)
    const statuses = await Promise.all(secrets.map((secret) => this.#statusOf(0, account.clientId, secret)))
    const wanted = account.disabled ? 0 : 1
    check(
      'secrets that work after two resets at once',
      statuses.filter((status) => status === 200).length,
      wanted,
    )
    if (account.disabled) {
      // Which one it is shows when it is enabled again.
      const { clientSecret } = await this.#node(0).operations.secrets.reset(
        TESTER,
        this.#realm,
        account.clientId,
      )
      return replaceSecrets(account, clientSecret)
    }
    replaceSecrets(account, secrets[statuses.indexOf(200)] as string)
  }

  async #finish(node: number, name: string, account: Account): Promise<void> {
    const { operations } = this.#node(node)
    const listed = await operations.secrets.list(TESTER, this.#realm, account.clientId)
    const valid = this.#valid(account)
    check(`secrets of ${name}`, listed.length, valid.length)
    const oldest = listed.at(-1)
    if (!oldest) return
    const outcome = await this.#outcome(() =>
      operations.secrets.delete(TESTER, this.#realm, account.clientId, oldest.id),
    )
    if (valid.length < 2) return check(`finish ${name}`, outcome, 'conflict')
    check(`finish ${name}`, outcome, undefined)
    const [newest, old] = valid as [Account['secrets'][number], Account['secrets'][number]]
    account.dead.push(old.secret)
    account.secrets = [{ secret: newest.secret, endsAt: ALWAYS }]
  }

  async #token(node: number, account: Account, which: 'newest' | 'older' | 'dead' | 'wrong'): Promise<void> {
    const valid = this.#valid(account)
    const secrets = {
      newest: valid[0]?.secret,
      older: valid[1]?.secret,
      dead: account.dead.at(-1),
      wrong: 'wrong',
    }
    const secret = secrets[which]
    if (secret === undefined) return
    const answer = await this.#post(node, 'token', {
      grant_type: 'client_credentials',
      client_id: account.clientId,
      client_secret: secret,
    })
    const good = !account.disabled && valid.some((one) => one.secret === secret)
    if (!good) return check(`the ${which} secret is refused`, isRefusal(answer.statusCode), true)
    check(`a token by the ${which} secret`, answer.statusCode, 200)
    const { access_token: value, expires_in } = answer.json()
    this.#tokens.push({ value, account, epoch: account.epoch, expiresAt: this.#now() + expires_in * 1000 })
  }

  async #assert(node: number, account: Account, which: 'newest' | 'older' | 'dead' | 'stranger' | 'again') {
    const { clientId } = account
    const keys = {
      newest: account.keys[0],
      older: account.keys.at(-1),
      dead: account.deadKeys.at(-1),
      stranger: STRANGER,
      again: undefined,
    }
    const key = keys[which]
    const issuer = `${PUBLIC_URL}/realms/${this.#realm}`
    const claims = assertionClaims(clientId, issuer, this.#node(node).clock.now)
    const assertion =
      which === 'again'
        ? account.used
        : key && signAssertion(key.pair, { alg: 'ES256', kid: key.kid }, claims)
    if (assertion === undefined) return
    const form = { grant_type: 'client_credentials', ...assertionForm(assertion) }
    // At both nodes at once: one accepts it, if it is good.
    const answers = await Promise.all([node, 1 - node].map((at) => this.#post(at, 'token', form)))
    const accepted = answers.filter(({ statusCode }) => statusCode === 200)
    const good = !account.disabled && key !== undefined && account.keys.includes(key)
    check(`tokens for an assertion by ${which}`, accepted.length, good ? 1 : 0)
    check('refusals of it', answers.filter(({ statusCode }) => isRefusal(statusCode)).length, good ? 1 : 2)
    const [answer] = accepted
    if (!answer) return
    account.used = assertion
    const { access_token: value, expires_in } = answer.json()
    this.#tokens.push({ value, account, epoch: account.epoch, expiresAt: this.#now() + expires_in * 1000 })
  }

  async #introspect(node: number, index: number): Promise<void> {
    const token = this.#tokens[index % Math.max(1, this.#tokens.length)]
    if (!token) return
    const { account, epoch, expiresAt, value } = token
    const answer = await this.#post(node, 'token/introspect', { ...this.#introspector, token: value })
    const alive =
      !account.disabled && account.epoch === epoch && Math.floor(this.#now() / 1000) * 1000 < expiresAt
    check('introspection', answer.json().active, alive)
    if (alive) {
      const roles = (answer.json().roles as string[]).every((role) => account.roles.includes(role))
      check('roles of the token that the account still has', roles, true)
    }
  }

  /** At the end both nodes know the same accounts as the model. */
  async compareAll(): Promise<void> {
    for (const node of [0, 1]) {
      const { items } = await this.#node(node).operations.accounts.list(TESTER, this.#realm, {
        after: '',
        limit: 100,
      })
      const known = items
        .filter(({ name }) => name !== 'API')
        .map(({ name, disabledAt, roles }) => ({ name, disabled: !!disabledAt, roles }))
      const wanted = [...this.#accounts].map(([name, { disabled, roles }]) => ({ name, disabled, roles }))
      const sorted = (list: { name: string }[]) =>
        JSON.stringify(list.sort((a, b) => (a.name < b.name ? -1 : 1)))
      check('accounts', sorted(known), sorted(wanted))
      const { serviceAccountCount } = await this.#node(node).operations.realms.find(TESTER, this.#realm)
      check('the count of accounts', serviceAccountCount, wanted.length + 1)
    }
    for (const account of this.#accounts.values())
      for (const secret of account.dead)
        check('a dead secret is refused', isRefusal(await this.#statusOf(1, account.clientId, secret)), true)
  }

  #valid(account: Account): Account['secrets'] {
    return account.secrets.filter(({ endsAt }) => endsAt > this.#now())
  }

  #now(): number {
    return this.#node(0).clock.now.getTime()
  }

  #node(index: number): TestServer {
    return this.#nodes[index] as TestServer
  }

  async #outcome<T>(work: () => Promise<T>): Promise<T | string> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof Refusal) return error.code
      throw error
    }
  }

  async #statusOf(node: number, client_id: string, client_secret: string): Promise<number> {
    return (await this.#post(node, 'token', { grant_type: 'client_credentials', client_id, client_secret }))
      .statusCode
  }

  #post(node: number, path: string, fields: Record<string, string>) {
    const n = this.#requests++
    return this.#node(node).app.inject({
      method: 'POST',
      url: `/realms/${this.#realm}/protocol/openid-connect/${path}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      // From ever other addresses: what is held back after failures is tested elsewhere.
      remoteAddress: `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`,
      payload: new URLSearchParams(fields).toString(),
    })
  }
}

/** After many failures of one client a refusal may be to wait. */
function isRefusal(status: number): boolean {
  return status === 401 || status === 429
}

function replaceSecrets(account: Account, secret: string): void {
  account.dead.push(...account.secrets.map((one) => one.secret))
  account.secrets = [{ secret, endsAt: ALWAYS }]
}

function check(what: string, found: unknown, wanted: unknown): void {
  if (found !== wanted)
    throw new Error(`${what}: ${JSON.stringify(found)}, and the model says ${JSON.stringify(wanted)}`)
}
