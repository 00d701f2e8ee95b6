import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

/** JSON lines on standard error, or something for the eye when that is a terminal. */
export function createLogger(level: string, { isTTY }: { isTTY?: boolean } = process.stderr): Logger {
  const options = { level, serializers: { err: serializeError } }
  const stderr = 2
  if (isTTY) return pino(options, pretty({ destination: stderr, ignore: 'pid,hostname', sync: true }))
  let patience = 0
  const destination = pino.destination({
    dest: stderr,
    sync: true,
    maxLength: MAX_UNWRITTEN,
    // A reader that pauses would stop all that the server does.
    retryEAGAIN: () => patience-- > 0,
  })
  retryLater(destination)
  process.once('exit', () => {
    patience = TRIES_AT_EXIT
  })
  return pino(options, writeOnceATurn(destination))
}

/** Bytes that wait for a reader, or for a disk to have room again; of more, the newest are dropped. */
const MAX_UNWRITTEN = 1_000_000

const RETRY_MILLISECONDS = 100

/** A tenth of a second each. */
const TRIES_AT_EXIT = 10

/** A full disk, or a reader that pauses or is gone, costs lines of the log at most. */
function retryLater(destination: ReturnType<typeof pino.destination>): void {
  let waiting = false
  destination.on('error', () => {
    if (waiting) return
    waiting = true
    const retry = () => {
      waiting = false
      // What is left of before goes first.
      destination.write('')
    }
    setTimeout(retry, RETRY_MILLISECONDS).unref()
  })
}

/** More characters than this are written at once. */
const MAX_GATHERED = 16_000

/** Lines of one turn of the event loop go out in one write at its end, or when the process exits. */
function writeOnceATurn(destination: ReturnType<typeof pino.destination>): DestinationStream {
  let gathered = ''
  let scheduled = false
  const write = () => {
    if (gathered !== '') destination.write(gathered)
    gathered = ''
  }
  // Not by flushSync: it waits for the disk each time, and for ever where the disk is full.
  process.once('exit', write)
  return {
    write(line) {
      gathered += line
      if (gathered.length > MAX_GATHERED) write()
      if (scheduled) return
      scheduled = true
      setImmediate(() => {
        scheduled = false
        write()
      })
    },
  }
}

// Errors of libraries carry what they were given: only these members are sure to hold no secret.
function serializeError(error: unknown) {
  if (!(error instanceof Error)) return { message: typeof error }
  const { name, message, stack, code } = error as Error & { code?: unknown }
  return { type: name, message, stack, code }
}
