/** The queue is full. */
export class QueueOverload extends Error {
  override readonly name = 'QueueOverload'
}

export interface FairQueue {
  /**
   * Runs the job when its turn comes: urgent jobs first, then owners in turn.
   * @throws QueueOverload when it arrives, or later when an owner with fewer jobs needs the place
   */
  push<T>(job: Job<T>): Promise<T>
  /** Jobs that wait. */
  waiting(): number
}

export interface Job<T> {
  readonly owner: string
  readonly urgent?: boolean
  readonly run: () => Promise<T>
}

export interface FairQueueOptions {
  /** Jobs that run at once. */
  readonly concurrency: number
  readonly maxWaiting: number
  /** Maximum of one owner. */
  readonly maxWaitingOfOwner: number
}

interface Waiting {
  readonly start: () => Promise<void>
  readonly refuse: (reason: string) => void
}

/** Jobs of an owner in order of arrival; owners in order of their turns. */
type Lane = Map<string, Waiting[]>

export function createFairQueue(options: FairQueueOptions): FairQueue {
  const urgent: Lane = new Map()
  const others: Lane = new Map()
  let underway = 0

  function startNext(): void {
    while (underway < options.concurrency) {
      const job = takeNext(urgent) ?? takeNext(others)
      if (!job) return
      underway++
      void job.start().finally(() => {
        underway--
        startNext()
      })
    }
  }

  return {
    waiting: () => countOf(urgent) + countOf(others),

    push<T>({ owner, urgent: isUrgent = false, run }: Job<T>): Promise<T> {
      const { promise, resolve, reject } = Promise.withResolvers<T>()
      const lane = isUrgent ? urgent : others
      const fault = makeRoom(lane, owner, options)
      if (fault !== undefined) return Promise.reject(new QueueOverload(fault))
      const jobs = lane.get(owner) ?? []
      lane.set(owner, jobs)
      jobs.push({
        start: () => run().then(resolve, reject),
        refuse: (reason) => reject(new QueueOverload(reason)),
      })
      startNext()
      return promise
    },
  }
}

/** Takes the first owner's first job. That owner's next turn comes after all others. */
function takeNext(lane: Lane): Waiting | undefined {
  for (const [owner, jobs] of lane) {
    const job = jobs.shift()
    lane.delete(owner)
    if (jobs.length > 0) lane.set(owner, jobs)
    return job
  }
  return undefined
}

/** Drops the newest job of the owner with the most jobs, in favour of an owner with fewer. Returns why there is no room. */
function makeRoom(
  lane: Lane,
  owner: string,
  { maxWaiting, maxWaitingOfOwner }: FairQueueOptions,
): string | undefined {
  const own = lane.get(owner)?.length ?? 0
  if (own >= maxWaitingOfOwner) return `${own} secrets of one realm wait for argon2id`
  if (countOf(lane) < maxWaiting) return undefined
  const most = [...lane.values()].reduce((a, b) => (b.length > a.length ? b : a))
  if (most.length <= own + 1) return 'too many secrets wait for argon2id'
  most.pop()?.refuse('a realm with fewer secrets waiting took its place')
  return undefined
}

function countOf(lane: Lane): number {
  let count = 0
  for (const jobs of lane.values()) count += jobs.length
  return count
}
