import { waitForReaders } from './commit-waits.ts'
import {
  type Database,
  type DatabaseTransaction,
  isTransaction,
  runTransaction,
  type TransactionOptions,
} from './database.ts'

/** Transactions of one realm at once in this process. Leaves connections to other realms. */
const MAX_TRANSACTIONS = 2

/** How long a change waits for its turn, and how many changes of one realm may wait. */
const PATIENCE_MILLISECONDS = 1500
const MAX_WAITING = 100

/** Too many changes of one realm at once. Retryable, like a statement timeout. */
class BusyRealmError extends Error {
  override readonly name = 'BusyRealmError'
  readonly code = '57014'
}

interface Queue {
  running: number
  readonly waiting: (() => void)[]
}

const queues = new WeakMap<Database, Map<string, Queue>>()

/** Runs a transaction that changes one realm. Transactions of one realm run in the order they came. */
export async function inRealmTransaction<T>(
  db: Database,
  realmName: string,
  work: (trx: DatabaseTransaction) => Promise<T>,
  options?: TransactionOptions,
): Promise<T> {
  if (isTransaction(db)) return work(db)
  const result = await inTurn(db, realmName, () => runTransaction(db, work, options))
  // The next change of the realm need not wait for that.
  if (options?.readersMayLag !== true) await waitForReaders(db)
  return result
}

async function inTurn<T>(db: Database, realmName: string, work: () => Promise<T>): Promise<T> {
  const leave = await enter(db, realmName)
  try {
    return await work()
  } finally {
    leave()
  }
}

async function enter(db: Database, realmName: string): Promise<() => void> {
  const ofRealms = queues.get(db) ?? new Map<string, Queue>()
  queues.set(db, ofRealms)
  const queue = ofRealms.get(realmName) ?? { running: 0, waiting: [] }
  ofRealms.set(realmName, queue)
  if (queue.running >= MAX_TRANSACTIONS) await turnIn(queue)
  else queue.running++
  return () => {
    // Hands the slot to the next transaction, or frees it.
    const next = queue.waiting.shift()
    if (next) return next()
    queue.running--
    if (queue.running === 0) ofRealms.delete(realmName)
  }
}

function turnIn({ waiting }: Queue): Promise<void> {
  if (waiting.length >= MAX_WAITING) throw new BusyRealmError('too many changes of the realm wait')
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => {
    waiting.splice(waiting.indexOf(begin), 1)
    reject(new BusyRealmError('timeout: other changes of the realm take too long'))
  }, PATIENCE_MILLISECONDS)
  const begin = () => {
    clearTimeout(timer)
    resolve()
  }
  waiting.push(begin)
  return promise
}
