import { setTimeout as sleep } from 'node:timers/promises'

export const BOOTSTRAP = {
  BOOTSTRAP_ADMIN_CLIENT_ID: 'root',
  BOOTSTRAP_ADMIN_CLIENT_SECRET: 'a bootstrap secret of the faults',
}

/** What clients may see while something is wrong: success, a refusal for now, or no answer. */
const CLEAN = new Set(['200', '201', '204', '409', '429', '503', 'no answer'])

/** What is known of an account from outside. A change under way may have been made or not. */
interface Known {
  readonly name: string
  clientSecret: string
  state: 'alive' | 'deleted'
  underway?: 'reset' | 'delete' | undefined
  resets: number
}

export interface Workload {
  /** Accounts by client_id, as they were acknowledged. */
  readonly accounts: Map<string, Known>
  /** Rotations that were acknowledged. */
  readonly rotations: { acknowledged: number }
  /** Answers by status, over all kinds of request. */
  readonly statuses: Map<string, number>
  /** Answers that were wrong. */
  readonly wrong: string[]
  /** Seconds: the longest time between two tokens so far. */
  longestGap(): number
  /** The next token, from now on: milliseconds until then. */
  untilToken(): Promise<number>
  stop(): Promise<void>
}

const REALM = 'faults'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const TIMEOUT_MILLISECONDS = 5000

/** Tokens, creations, resets, deletions and rotations, one after the other and side by side, until it is stopped. */
export async function startWorkload(urls: readonly string[]): Promise<Workload> {
  const load = new Load(urls)
  await load.prepare()
  const loops = [
    load.getTokens(),
    load.getTokens(),
    load.changeAccounts(),
    load.tryDeadSecrets(),
    load.rotateKeys(),
  ]
  return {
    accounts: load.accounts,
    rotations: load.rotations,
    statuses: load.statuses,
    wrong: load.wrong,
    longestGap: () => load.longestGap / 1000,
    untilToken: () => load.untilToken(),
    stop: async () => {
      load.stopped = true
      await Promise.all(loops)
    },
  }
}

class Load {
  readonly accounts = new Map<string, Known>()
  readonly rotations = { acknowledged: 0 }
  readonly statuses = new Map<string, number>()
  readonly wrong: string[] = []
  readonly #urls: readonly string[]
  #dead: { clientId: string; clientSecret: string }[] = []
  #adminToken = ''
  #next = 0
  lastToken = 0
  longestGap = 0
  stopped = false

  constructor(urls: readonly string[]) {
    this.#urls = urls
  }

  async prepare(): Promise<void> {
    await this.#signIn()
    await this.#admin('POST', '/admin/realms', {
      name: REALM,
      service_account_limit: 1000,
      jwks_max_age_seconds: 1,
      key_publish_seconds: 1,
      key_rotation_seconds: 3600,
    })
    await this.#create()
    if (this.accounts.size === 0) throw new Error(`nothing to begin with: ${this.wrong}`)
  }

  async getTokens(): Promise<void> {
    while (!this.stopped) {
      const alive = [...this.accounts].filter(([, { state, underway }]) => state === 'alive' && !underway)
      const [clientId, known] = alive[Math.floor(Math.random() * alive.length)] ?? []
      if (!clientId || !known) continue
      const { clientSecret } = known
      const status = await this.#token(clientId, clientSecret)
      if (status === '200') this.#noteToken()
      // Unless it was changed meanwhile, which is no fault.
      if (
        status === '401' &&
        known.clientSecret === clientSecret &&
        known.state === 'alive' &&
        !known.underway
      )
        this.wrong.push(`a good secret of ${known.name} was refused`)
      await sleep(5)
    }
  }

  async changeAccounts(): Promise<void> {
    for (let n = 0; !this.stopped; n++) {
      const clientId = await this.#create()
      if (clientId && n % 2 === 0) await this.#reset(clientId)
      if (clientId && n % 3 === 0) await this.#delete(clientId)
      await sleep(60)
    }
  }

  /** Now means now: what was acknowledged as dead gets nothing. */
  async tryDeadSecrets(): Promise<void> {
    while (!this.stopped) {
      const { clientId, clientSecret } = this.#dead[Math.floor(Math.random() * this.#dead.length)] ?? {}
      if (clientId && clientSecret && (await this.#token(clientId, clientSecret)) === '200')
        this.wrong.push(`a dead secret of ${clientId} got a token`)
      await sleep(20)
    }
  }

  async rotateKeys(): Promise<void> {
    while (!this.stopped) {
      const { status } = await this.#admin('POST', `/admin/realms/${REALM}/keys/rotate`, {})
      if (status === '200') this.rotations.acknowledged++
      await sleep(400)
    }
  }

  async untilToken(): Promise<number> {
    const from = performance.now()
    while (this.lastToken < from) await sleep(5)
    return this.lastToken - from
  }

  #noteToken(): void {
    const now = performance.now()
    if (this.lastToken > 0) this.longestGap = Math.max(this.longestGap, now - this.lastToken)
    this.lastToken = now
  }

  async #create(): Promise<string | undefined> {
    const name = `account ${this.#next++}`
    const { status, body } = await this.#admin('POST', `/admin/realms/${REALM}/service-accounts`, { name })
    if (status !== '201') return undefined
    this.accounts.set(body.client_id, { name, clientSecret: body.client_secret, state: 'alive', resets: 0 })
    return body.client_id
  }

  async #reset(clientId: string): Promise<void> {
    const known = this.accounts.get(clientId) as Known
    known.underway = 'reset'
    const path = `/admin/realms/${REALM}/service-accounts/${clientId}/reset-secret`
    const { status, body } = await this.#admin('POST', path, {})
    if (status !== '200') return
    this.#dead.push({ clientId, clientSecret: known.clientSecret })
    known.clientSecret = body.client_secret
    known.underway = undefined
    known.resets++
  }

  async #delete(clientId: string): Promise<void> {
    const known = this.accounts.get(clientId) as Known
    known.underway = 'delete'
    const { status } = await this.#admin('DELETE', `/admin/realms/${REALM}/service-accounts/${clientId}`)
    if (status !== '204') return
    this.#dead.push({ clientId, clientSecret: known.clientSecret })
    known.state = 'deleted'
    known.underway = undefined
  }

  async #signIn(): Promise<void> {
    const { BOOTSTRAP_ADMIN_CLIENT_ID: client_id, BOOTSTRAP_ADMIN_CLIENT_SECRET: client_secret } = BOOTSTRAP
    const form = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret })
    const { body } = await this.#ask('/realms/system/protocol/openid-connect/token', {
      method: 'POST',
      headers: FORM,
      body: form.toString(),
    })
    this.#adminToken = body?.access_token ?? this.#adminToken
  }

  async #token(client_id: string, client_secret: string): Promise<string> {
    const form = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret })
    const path = `/realms/${REALM}/protocol/openid-connect/token`
    const { status } = await this.#ask(path, { method: 'POST', headers: FORM, body: form.toString() }, [
      '401',
    ])
    return status
  }

  async #admin(method: string, path: string, body?: object) {
    const headers: Record<string, string> = { authorization: `Bearer ${this.#adminToken}` }
    if (body) headers['content-type'] = 'application/json'
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) }
    return this.#ask(path, init, [])
  }

  /** From one node or the other. @param fitting statuses that are right for this request too */
  async #ask(path: string, init: RequestInit, fitting: readonly string[] = []) {
    const url = this.#urls[Math.floor(Math.random() * this.#urls.length)] + path
    let status = 'no answer'
    // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape
    let body: any
    try {
      const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS) })
      const text = await answer.text()
      status = String(answer.status)
      body = text === '' ? undefined : JSON.parse(text)
    } catch {
      // Refused, cut or too late.
      await sleep(20)
    }
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
    if (!CLEAN.has(status) && !fitting.includes(status))
      this.wrong.push(`${init.method} ${path}: ${status} ${JSON.stringify(body)}`)
    return { status, body }
  }
}
