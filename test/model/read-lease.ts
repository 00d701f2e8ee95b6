import {
  abandonBeat,
  acceptBeat,
  beginBeat,
  isHeld,
  loseLease,
  newReadLease,
  type ReadLease,
  seeBeat,
} from '../../src/domain/read-lease.ts'
import { awaitedReaders, type Reader } from '../../src/domain/reader-wait.ts'

/** What a rule of the protocol protects from, left out. */
export type LeftOut =
  | 'wait'
  | 'fence'
  | 'numbers'
  | 'history'
  | 'connection'
  | 'standby'
  | 'floor'
  | 'abandon'
  | 'first-read'
  | 'lock'

export interface Bounds {
  readonly ticks: number
  readonly beats: number
  readonly failovers: number
  readonly restarts: number
  readonly switches: number
}

export const NOTHING: Bounds = { ticks: 1, beats: 1, failovers: 0, restarts: 0, switches: 0 }

interface Rule {
  readonly leftOut: LeftOut
  readonly what: string
  /** In the fewest steps that it takes to go wrong. */
  readonly bounds: Partial<Bounds>
  readonly isSlow?: boolean
}

export const RULES: readonly Rule[] = [
  { leftOut: 'wait', what: 'changes do not wait', bounds: { ticks: 5 } },
  { leftOut: 'fence', what: 'a node goes on reading its standby', bounds: { ticks: 6 } },
  { leftOut: 'history', what: 'a beat is published where it was not written', bounds: { failovers: 1 } },
  { leftOut: 'connection', what: 'a new connection need not show the proven beat', bounds: { restarts: 1 } },
  { leftOut: 'standby', what: 'another standby need not prove itself', bounds: { switches: 1 } },
  {
    leftOut: 'lock',
    what: 'a change does not wait for beats that are being committed',
    bounds: { beats: 2 },
  },
  { leftOut: 'first-read', what: 'readers are looked up before the commit', bounds: {} },
  {
    leftOut: 'numbers',
    what: 'the database gives the numbers of beats',
    bounds: { beats: 2, failovers: 1 },
    isSlow: true,
  },
  {
    leftOut: 'floor',
    what: 'an older beat gives a lease after a newer one was published',
    bounds: { beats: 2, ticks: 5 },
    isSlow: true,
  },
  {
    leftOut: 'abandon',
    what: 'a beat without an answer proves something',
    bounds: { beats: 2, failovers: 1, switches: 1 },
    isSlow: true,
  },
]

/** Bounds within which there is nothing stale, tried in some seconds. */
export const QUICK: readonly Partial<Bounds>[] = [
  { ticks: 6 },
  { failovers: 1, switches: 1 },
  { restarts: 1 },
]

/** A write that a primary may get at once, later, or never. */
interface Message {
  readonly kind: 'beat' | 'publication'
  readonly beat: number
}

/** A server's log is a text: a sign for each commit, in order. `C` is the change, a digit a beat, a letter its publication. */
interface Standby {
  readonly log: string
  /** Commits that it has replayed, and so shows. */
  readonly shown: number
  readonly starts: number
}

interface State {
  readonly now: number
  /** Log of the server that is the primary. */
  readonly log: string
  readonly standbys: readonly Standby[]
  /** Which of them was promoted. */
  readonly promoted: number | undefined
  readonly lease: ReadLease
  /** The standby that the node reads, and its starts when the node connected. */
  readonly read: number
  readonly connectedAt: number
  readonly messages: readonly Message[]
  /** A beat in the log that the primary does not show yet: its commit is under way, and holds the reader's row. */
  readonly hidden: number | undefined
  /** What has become of the newest beat, as far as the node knows and as it is. */
  readonly beat: 'settled' | 'sent' | 'committed'
  readonly committedAt: number | undefined
  readonly waitsFor: readonly Reader[] | undefined
  readonly isAnswered: boolean
  readonly left: { readonly failovers: number; readonly restarts: number; readonly switches: number }
}

/** Of the model: in ticks. A change waits 1.25 of it. */
const LEASE_TICKS = 4

export interface Exploration {
  readonly states: number
  /** Steps to a request that arrived after the change was answered and did not see it; `undefined`: there are none. */
  readonly violation: readonly string[] | undefined
}

/** Tries every order of what may happen to a node that reads a standby, while a change is made at another node. */
export function explore(bounds: Bounds, leftOut?: LeftOut): Exploration {
  const first = start(bounds)
  const seen = new Set([keyOf(first)])
  const trail = new Map<State, { readonly from: State; readonly step: string }>()
  let level: State[] = [first]
  while (level.length > 0) {
    const next: State[] = []
    for (const state of level) {
      if (isStale(state, leftOut)) return { states: seen.size, violation: pathTo(state, trail) }
      for (const [step, after] of stepsFrom(state, bounds, leftOut)) {
        const key = keyOf(after)
        if (seen.has(key)) continue
        seen.add(key)
        trail.set(after, { from: state, step })
        next.push(after)
      }
    }
    level = next
  }
  return { states: seen.size, violation: undefined }
}

function start({ failovers, restarts, switches }: Bounds): State {
  const standby = { log: '', shown: 0, starts: 0 }
  return {
    now: 0,
    log: '',
    standbys: [standby, standby],
    promoted: undefined,
    lease: newReadLease(LEASE_TICKS),
    read: 0,
    connectedAt: 0,
    messages: [],
    hidden: undefined,
    beat: 'settled',
    committedAt: undefined,
    waitsFor: undefined,
    isAnswered: false,
    left: { failovers, restarts, switches },
  }
}

/** Whether a request that arrives now is decided without the change, though that was answered. */
function isStale(state: State, leftOut: LeftOut | undefined): boolean {
  const { log, standbys, read, lease, isAnswered, connectedAt, now } = state
  if (!isAnswered || !log.includes('C')) return false
  const held = leftOut === 'fence' ? lease.proven > 0 : isHeld(lease, now)
  if (!held) return false
  const standby = standbys[read] as Standby
  // A connection made after the standby started again asks for the beat that is proven.
  const isChecked = leftOut !== 'connection' && standby.starts !== connectedAt
  if (isChecked && shownBeat(standby) < lease.proven) return false
  return !standby.log.slice(0, standby.shown).includes('C')
}

type Steps = [step: string, after: State][]

function stepsFrom(state: State, bounds: Bounds, leftOut: LeftOut | undefined): Steps {
  return [
    ...timeSteps(state, bounds),
    ...nodeSteps(state, bounds, leftOut),
    ...(state.hidden === undefined ? messageSteps(state, leftOut) : [shown(state, state.hidden)]),
    ...serverSteps(state),
    ...changeSteps(state, leftOut),
    // A change that was lost with its primary is not in force anywhere.
  ].filter(([, { committedAt, log }]) => committedAt === undefined || log.includes('C'))
}

function timeSteps(state: State, { ticks }: Bounds): Steps {
  return state.now < ticks ? [['time passes', { ...state, now: state.now + 1 }]] : []
}

function nodeSteps(state: State, { beats }: Bounds, leftOut: LeftOut | undefined): Steps {
  const { lease, standbys, read, connectedAt, left } = state
  const standby = standbys[read] as Standby
  const isConnected = standby.starts === connectedAt
  const steps: Steps = [...beatSteps(state, beats, leftOut)]
  const [seen, proven] = seeBeat(lease, shownBeat(standby))
  if (proven !== undefined && isConnected)
    steps.push([`the standby shows ${proven}`, publish({ ...state, lease: seen }, proven)])
  if (!isConnected)
    steps.push([
      'the node connects again',
      { ...state, connectedAt: standby.starts, lease: loseLease(lease) },
    ])
  const other = standbys[1 - read] as Standby
  if (left.switches > 0)
    steps.push([
      'the node reads the other standby',
      {
        ...state,
        read: 1 - read,
        connectedAt: other.starts,
        lease: leftOut === 'standby' ? lease : loseLease(lease),
        left: { ...left, switches: left.switches - 1 },
      },
    ])
  return steps
}

function beatSteps(state: State, beats: number, leftOut: LeftOut | undefined): Steps {
  const { lease, now, beat } = state
  const { lastBeat } = lease
  if (beat === 'settled') {
    if (lastBeat === beats) return []
    const begun = beginBeat(lease, now)
    const sent = send(state, { kind: 'beat', beat: begun.lastBeat })
    return [[`beat ${begun.lastBeat}`, { ...sent, lease: begun, beat: 'sent' }]]
  }
  const abandoned = leftOut === 'abandon' ? lease : abandonBeat(lease)
  const steps: Steps = [[`beat ${lastBeat} is given up`, { ...state, lease: abandoned, beat: 'settled' }]]
  if (beat === 'sent') return steps
  const [accepted, published] = acceptBeat(lease, now)
  const after = { ...state, lease: leftOut === 'floor' ? lease : accepted, beat: 'settled' } as const
  return [
    ...steps,
    [`beat ${lastBeat} is known`, published === undefined ? after : publish(after, published)],
  ]
}

function send(state: State, message: Message): State {
  return { ...state, messages: [...state.messages, message] }
}

function publish(state: State, beat: number): State {
  return send(state, { kind: 'publication', beat })
}

/** A message that is lost is one that never arrives. */
function messageSteps(state: State, leftOut: LeftOut | undefined): Steps {
  return state.messages.map((message, n) => {
    const { kind, beat } = message
    const after: State = {
      ...state,
      messages: state.messages.filter((_, i) => i !== n),
      log: state.log + written(state.log, message, leftOut),
      ...(kind === 'beat' && { hidden: beat }),
    }
    return [`${kind} ${beat} arrives`, keepPromoted(after)]
  })
}

function shown(state: State, hidden: number): Steps[number] {
  const isAwaited = hidden === state.lease.lastBeat && state.beat === 'sent'
  return [
    `the primary shows ${hidden}`,
    { ...state, hidden: undefined, ...(isAwaited && { beat: 'committed' }) },
  ]
}

/** What a write adds to the log of the primary. */
function written(log: string, { kind, beat }: Message, leftOut: LeftOut | undefined): string {
  // Numbers that the database gives are given again after a failover.
  if (kind === 'beat') return `${leftOut === 'numbers' ? newest(log) + 1 : beat}`
  return leftOut === 'history' || log.includes(`${beat}`) ? (LETTERS[beat] as string) : ''
}

const LETTERS = ['', 'a', 'b', 'c', 'd', 'e']

function serverSteps(state: State): Steps {
  const { standbys, promoted, log, left } = state
  const steps: Steps = []
  for (const [n, standby] of standbys.entries()) {
    if (n === promoted) continue
    const replace = (one: Partial<Standby>) => standbys.map((old, i) => (i === n ? { ...old, ...one } : old))
    const { shown, starts } = standby
    if (shown < standby.log.length)
      steps.push([`standby ${n} replays`, { ...state, standbys: replace({ shown: shown + 1 }) }])
    else if (shown < log.length && log.startsWith(standby.log)) {
      const to = shown + 1
      steps.push([
        `standby ${n} gets more`,
        { ...state, standbys: replace({ log: log.slice(0, to), shown: to }) },
      ])
    }
    if (left.restarts > 0)
      steps.push([
        `standby ${n} crashes and starts again`,
        {
          ...state,
          standbys: replace({ shown: 0, starts: starts + 1 }),
          left: { ...left, restarts: left.restarts - 1 },
        },
      ])
    if (left.failovers > 0)
      steps.push([
        `standby ${n} becomes the primary`,
        {
          ...state,
          log: standby.log,
          promoted: n,
          hidden: undefined,
          standbys: replace({ shown: standby.log.length }),
          left: { ...left, failovers: left.failovers - 1 },
        },
      ])
  }
  // The server that is the primary now shows all that it has.
  return steps.map(([step, after]) => [step, keepPromoted(after)])
}

function keepPromoted(state: State): State {
  const { promoted, log } = state
  if (promoted === undefined) return state
  const standbys = state.standbys.map((one, n) => (n === promoted ? { ...one, log, shown: log.length } : one))
  return { ...state, standbys }
}

function changeSteps(state: State, leftOut: LeftOut | undefined): Steps {
  const { committedAt, waitsFor, isAnswered, now, log, hidden } = state
  if (isAnswered) return []
  if (committedAt === undefined)
    return [['the change commits', keepPromoted({ ...state, log: `${log}C`, committedAt: now })]]
  const readers = [readerOf(hidden === undefined ? log : log.replace(`${hidden}`, ''))]
  const answered: [string, State] = ['the change is answered', { ...state, isAnswered: true }]
  if (leftOut === 'wait') return [answered]
  const awaited =
    waitsFor ?? (leftOut === 'first-read' ? [{ ...(readers[0] as Reader), beat: -1 }] : undefined)
  if (!awaited && hidden !== undefined && leftOut !== 'lock') return []
  if (!awaited) return [['the change reads who reads standbys', { ...state, waitsFor: readers }]]
  return awaitedReaders(awaited, readers, now - committedAt).length === 0 ? [answered] : []
}

/** The node's row, as the primary shows it. It is on all servers from the start. */
function readerOf(log: string): Reader {
  const covered = Math.max(0, ...[...log].map((one) => LETTERS.indexOf(one)))
  return { id: 'reader', beat: newest(log), covered, leaseMilliseconds: LEASE_TICKS }
}

function newest(log: string): number {
  return Math.max(0, ...[...log.matchAll(/\d/g)].map(Number))
}

function shownBeat({ log, shown }: Standby): number {
  return newest(log.slice(0, shown))
}

/** States that are alike from now on have one key. */
function keyOf(state: State): string {
  const {
    now,
    log,
    standbys,
    promoted,
    lease,
    read,
    connectedAt,
    beat,
    hidden,
    committedAt,
    waitsFor,
    left,
  } = state
  const messages = state.messages.map(({ kind, beat }) => kind.slice(0, 1) + beat).sort()
  const pending = lease.pending.map(({ beat, begunAt }) => `${beat}@${begunAt}`)
  const ofLease = [lease.lastBeat, lease.floor, lease.proven, lease.provenAt, ...pending]
  const ofServers = standbys.map(({ log, shown, starts }) => `${log}.${shown}.${starts}`)
  const ofChange = [committedAt, waitsFor?.[0]?.beat, state.isAnswered]
  const ofNode = [read, connectedAt, beat, hidden, ...messages]
  const ofWorld = [now, log, promoted, left.failovers, left.restarts, left.switches]
  return [ofWorld, ofServers, ofLease, ofNode, ofChange].join('|')
}

function pathTo(state: State, trail: Map<State, { readonly from: State; readonly step: string }>): string[] {
  const steps: string[] = []
  for (let at = trail.get(state); at; at = trail.get(at.from)) steps.unshift(at.step)
  return steps
}
