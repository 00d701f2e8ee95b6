import fc from 'fast-check'
import t from 'tap'
import {
  cachedUntilAfter,
  earliestActivation,
  nextRotationStep,
  type RotationPolicy,
  type SigningKey,
} from '../../src/domain/signing-key.ts'

const DAY = 86_400
const POLICY: RotationPolicy = {
  algorithm: 'ES256',
  keyRotationSeconds: 90 * DAY,
  keyPublishSeconds: DAY,
  jwksMaxAgeSeconds: 300,
}
const LIFETIME = 3600
const START = new Date('2026-01-01T00:00:00Z')
const plus = (date: Date, seconds: number) => new Date(date.getTime() + seconds * 1000)

/** A realm's keys, to which the steps are done as the server does them. */
class Realm {
  keys: SigningKey[] = []
  /** When each kid was published and last signed. */
  readonly published = new Map<string, Date>()
  readonly lastSigned = new Map<string, Date>()
  #made = 0

  follow(policy: RotationPolicy, now: Date): Date {
    for (let steps = 0; steps < 20; steps++) {
      const step = nextRotationStep(this.keys, policy, now)
      if (step.kind === 'none') return step.dueAt
      if (step.kind === 'create-current') this.add(policy, 'current', now, now)
      else if (step.kind === 'create-next') this.add(policy, 'next', now, step.activatesAt)
      else if (step.kind === 'promote-next') this.promote(step.kid, now)
      else this.keys = this.keys.filter(({ kid }) => kid !== step.kid)
    }
    throw new Error('the steps have no end')
  }

  add(policy: RotationPolicy, state: 'current' | 'next', now: Date, activatesAt: Date): void {
    const kid = `key-${this.#made++}`
    this.published.set(kid, now)
    const activatedAt = state === 'current' ? now : undefined
    const key = { kid, algorithm: policy.algorithm, state, publishedAt: now, activatesAt, activatedAt }
    this.keys.push({ ...key, retiredAt: undefined })
  }

  promote(kid: string, now: Date): void {
    this.keys = this.keys.map((key) => {
      if (key.state === 'current') return { ...key, state: 'retired', retiredAt: now }
      return key.kid === kid ? { ...key, state: 'current', activatedAt: now } : key
    })
  }

  get current(): SigningKey | undefined {
    return this.keys.find(({ state }) => state === 'current')
  }
}

t.test('a realm without keys gets one that signs at once', async (t) => {
  t.same(nextRotationStep([], POLICY, START), { kind: 'create-current' })
})

t.test(
  'the next key is published a day before it signs, and signs 90 days after the one before',
  async (t) => {
    const realm = new Realm()
    t.same(realm.follow(POLICY, START), plus(START, 89 * DAY))
    t.same(realm.follow(POLICY, plus(START, 89 * DAY)), plus(START, 90 * DAY))
    t.equal(realm.keys.length, 2)
    realm.follow(POLICY, plus(START, 90 * DAY - 1))
    t.equal(realm.current?.kid, 'key-0')
    realm.follow(POLICY, plus(START, 90 * DAY))
    t.equal(realm.current?.kid, 'key-1')
    t.equal(realm.keys.length, 2, 'the old one stays published')
    realm.follow(POLICY, plus(START, 90 * DAY + LIFETIME + 300))
    t.equal(realm.keys.length, 1)
  },
)

t.test('a next key of an algorithm that is no longer wanted is replaced', async (t) => {
  const realm = new Realm()
  realm.follow(POLICY, START)
  realm.follow({ ...POLICY, algorithm: 'EdDSA' }, plus(START, 10))
  realm.follow({ ...POLICY, algorithm: 'RS256' }, plus(START, 20))
  t.same(
    realm.keys.map(({ algorithm, state }) => [algorithm, state]),
    [
      ['ES256', 'current'],
      ['RS256', 'next'],
    ],
  )
})

t.test('the next key signs at once if no key signs', async (t) => {
  const realm = new Realm()
  realm.follow(POLICY, START)
  realm.follow(POLICY, plus(START, 89 * DAY))
  realm.keys = realm.keys.filter(({ state }) => state !== 'current')
  realm.follow(POLICY, plus(START, 89 * DAY + 1))
  t.equal(realm.current?.kid, 'key-1')
})

const policies = fc
  .record({
    jwksMaxAgeSeconds: fc.integer({ min: 1, max: DAY }),
    extra: fc.nat(DAY),
    rotation: fc.nat(100 * DAY),
  })
  .map(({ jwksMaxAgeSeconds, extra, rotation }): RotationPolicy => {
    const keyPublishSeconds = jwksMaxAgeSeconds + extra
    return {
      algorithm: 'ES256',
      jwksMaxAgeSeconds,
      keyPublishSeconds,
      keyRotationSeconds: 2 * keyPublishSeconds + rotation,
    }
  })
const waits = fc.array(fc.oneof(fc.nat(3600), fc.nat(DAY), fc.nat(120 * DAY)), {
  minLength: 1,
  maxLength: 40,
})

t.test(
  'whatever the policy and however late it is looked at, there is one signing key, known to every cache',
  async () => {
    fc.assert(
      fc.property(policies, waits, fc.infiniteStream(fc.boolean()), (policy, times, demands) => {
        const realm = new Realm()
        let now = START
        for (const wait of times) {
          const before = realm.current
          // Tokens are signed up to the moment before the look.
          now = plus(now, wait)
          if (before) realm.lastSigned.set(before.kid, now)
          if (before && demands.next().value && !realm.keys.some(({ state }) => state === 'next'))
            realm.add(policy, 'next', now, earliestActivation(now, policy))
          realm.follow(policy, now)

          const signing = realm.keys.filter(({ state }) => state === 'current')
          if (signing.length !== 1) return false
          const [{ kid }] = signing as [SigningKey]
          const publishedFor = (now.getTime() - (realm.published.get(kid) as Date).getTime()) / 1000
          if (before && before.kid !== kid && publishedFor <= policy.jwksMaxAgeSeconds) return false
          for (const [old, signed] of realm.lastSigned) {
            const isLive = (now.getTime() - signed.getTime()) / 1000 <= LIFETIME
            if (isLive && !realm.keys.some((key) => key.kid === old)) return false
          }
        }
        return true
      }),
      { numRuns: 2000 },
    )
  },
)

/** Looks at a realm, each some time after the one before, with a new max-age of the JWKS or the old one. */
const changes = fc.array(
  fc.record({
    wait: fc.oneof(fc.nat(600), fc.nat(DAY), fc.nat(100 * DAY)),
    maxAge: fc.option(fc.integer({ min: 1, max: DAY }), { nil: undefined }),
    rotate: fc.boolean(),
  }),
  { minLength: 1, maxLength: 30 },
)

t.test('however the max-age of the JWKS changes, no cache lacks the key that signs', async () => {
  fc.assert(
    fc.property(changes, (looks) => {
      const realm = new Realm()
      let policy: RotationPolicy = { ...POLICY, keyPublishSeconds: DAY, jwksMaxAgeSeconds: 300 }
      let now = START
      realm.follow(policy, now)
      // Each max-age, and the time for which it was given out.
      const given = [{ from: START, to: START, seconds: policy.jwksMaxAgeSeconds }]
      for (const { wait, maxAge, rotate } of looks) {
        now = plus(now, wait)
        const last = given.at(-1) as (typeof given)[number]
        last.to = now
        if (maxAge !== undefined && maxAge !== policy.jwksMaxAgeSeconds) {
          policy = {
            ...policy,
            jwksCachedUntil: cachedUntilAfter(policy, maxAge, now),
            jwksMaxAgeSeconds: maxAge,
          }
          given.push({ from: now, to: now, seconds: maxAge })
        }
        const before = realm.current
        if (rotate && !realm.keys.some(({ state }) => state === 'next'))
          realm.add(policy, 'next', now, earliestActivation(now, policy))
        realm.follow(policy, now)
        const kid = realm.current?.kid as string
        if (kid === before?.kid) continue
        const published = realm.published.get(kid) as Date
        for (const { from, to, seconds } of given) {
          if (from >= published) continue
          const lastWithout = new Date(Math.min(to.getTime(), published.getTime()))
          if (plus(lastWithout, seconds) > now) return false
        }
      }
      return true
    }),
    { numRuns: 5000 },
  )
})
