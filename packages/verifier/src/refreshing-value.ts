import { GoneError } from './fetch-text.ts'

/** What a load brought, and for how long it need not be asked for again. */
export interface Loaded<T> {
  readonly value: T
  readonly freshForSeconds: number
}

export interface RefreshingValueOptions<T> {
  readonly load: (previous: T | undefined) => Promise<Loaded<T>>
  /** How long a value that could not be renewed is used after it went stale. */
  readonly usableWhenStaleSeconds: number
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

const PAUSE_AFTER_FAILURE_MS = 1000

/** How long a failure says that the issuer is out of reach: it may well be back. */
const FAILURE_COUNTS_MS = 10_000

/** A remote value, kept while fresh; however many ask at once, it is loaded once. */
export class RefreshingValue<T> {
  readonly #load: RefreshingValueOptions<T>['load']
  readonly #now: () => number
  readonly #usableWhenStaleMs: number
  #value: T | undefined
  #loadedAt = Number.NEGATIVE_INFINITY
  #freshUntil = Number.NEGATIVE_INFINITY
  #askedAt = Number.NEGATIVE_INFINITY
  #failure: { readonly error: unknown; readonly since: number; readonly at: number } | undefined
  #loading: Promise<T> | undefined
  #gone = false

  constructor({ load, usableWhenStaleSeconds, now }: RefreshingValueOptions<T>) {
    this.#load = load
    this.#now = now
    this.#usableWhenStaleMs = usableWhenStaleSeconds * 1000
  }

  /** Since when it has never been had, though asked for. */
  get missingSince(): number | undefined {
    return this.#value === undefined ? this.#failure?.since : undefined
  }

  /** Whether the last answer was that there is none; an outage after it changes nothing. */
  get gone(): boolean {
    return this.#gone
  }

  /** The value while it is fresh; nothing is loaded. */
  get fresh(): T | undefined {
    const now = this.#now()
    // A clock that was set back must not keep a value alive.
    return this.#loadedAt <= now && now < this.#freshUntil ? this.#value : undefined
  }

  /** The fresh value; else a newly loaded one; else, when that fails, a stale one that is still usable. */
  async get(): Promise<T> {
    const { fresh } = this
    if (fresh !== undefined) return fresh
    const now = this.#now()
    if (this.#failure) {
      const resting = now - this.#failure.at < PAUSE_AFTER_FAILURE_MS && now >= this.#failure.at
      if (this.#isUsable(now) && this.#isKnownToFail(now)) {
        // A request does not wait for an issuer that is out of reach; the next copy is fetched in the background.
        if (!resting) this.#refresh().catch(() => undefined)
        return this.#value as T
      }
      if (resting && !this.#loading) throw this.#failure.error
    }
    try {
      return await this.#refresh()
    } catch (error) {
      if (this.#isUsable(this.#now())) return this.#value as T
      throw error
    }
  }

  /**
   * Loads anew; `undefined` when that was done within the cooldown.
   * @throws what the load throws, and what it threw when it was tried within the cooldown
   */
  async getNewer(cooldownSeconds: number): Promise<T | undefined> {
    const sinceAsked = this.#now() - this.#askedAt
    if (this.#loading || sinceAsked < 0 || sinceAsked >= cooldownSeconds * 1000) return this.#refresh()
    if (this.#failure) throw this.#failure.error
    return undefined
  }

  // While it is being asked: whether that began with a failure in mind.
  #isKnownToFail(now: number): boolean {
    const since = (this.#loading !== undefined ? this.#askedAt : now) - (this.#failure as { at: number }).at
    return since >= 0 && since < FAILURE_COUNTS_MS
  }

  #isUsable(now: number): boolean {
    return (
      this.#value !== undefined && this.#loadedAt <= now && now < this.#freshUntil + this.#usableWhenStaleMs
    )
  }

  #refresh(): Promise<T> {
    this.#loading ??= this.#loadOnce().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  async #loadOnce(): Promise<T> {
    // Age counts from before the request: what it answers may be as old as that.
    const startedAt = this.#now()
    this.#askedAt = startedAt
    try {
      const { value, freshForSeconds } = await this.#load(this.#value)
      this.#value = value
      this.#loadedAt = startedAt
      this.#freshUntil = startedAt + freshForSeconds * 1000
      this.#failure = undefined
      this.#gone = false
      return value
    } catch (error) {
      if (error instanceof GoneError) this.#forget()
      const at = this.#now()
      this.#failure = { error, at, since: this.#failure?.since ?? at }
      throw error
    }
  }

  #forget(): void {
    this.#gone = true
    this.#value = undefined
  }
}
