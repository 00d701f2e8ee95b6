import { createRequire } from 'node:module'
import { type DestinationStream, type Logger, pino } from 'pino'

export function loggerOptions(level: string) {
  return { level, serializers: { err: serializeError } }
}

/** JSON lines on standard error; readable lines where that is a terminal. */
export function createLogger(level: string, { isTTY }: { isTTY?: boolean } = process.stderr): Logger {
  const options = loggerOptions(level)
  const stderr = 2
  if (isTTY) {
    // Loaded only here: a server without a terminal starts sooner.
    const pretty: typeof import('pino-pretty') = createRequire(import.meta.url)('pino-pretty')
    return pino(options, pretty({ destination: stderr, ignore: 'pid,hostname', sync: true }))
  }
  let patience = 0
  const destination = pino.destination({
    dest: stderr,
    sync: true,
    maxLength: MAX_UNWRITTEN,
    // A blocking write would stop the server while the reader pauses.
    retryEAGAIN: () => patience-- > 0,
  })
  retryLater(destination)
  process.once('exit', () => {
    patience = TRIES_AT_EXIT
  })
  return pino(options, writeOnceATurn(destination))
}

/** Logs Node's warnings, which Node itself prints as text. At a terminal it may. */
export function logWarnings(logger: Logger): void {
  if (process.stderr.isTTY) return
  process.removeAllListeners('warning')
  process.on('warning', ({ name, message }) => logger.warn({ type: name }, message))
}

/** Maximum of bytes that wait for a reader or for disk space; beyond it, new lines are dropped. */
const MAX_UNWRITTEN = 1_000_000

const RETRY_MILLISECONDS = 100

/** Each a tenth of a second. */
const TRIES_AT_EXIT = 10

/** A full disk, or a reader that pauses or is gone, loses log lines and nothing else. */
function retryLater(destination: ReturnType<typeof pino.destination>): void {
  let waiting = false
  destination.on('error', () => {
    if (waiting) return
    waiting = true
    const retry = () => {
      waiting = false
      // The rest of the previous write goes first.
      destination.write('')
    }
    setTimeout(retry, RETRY_MILLISECONDS).unref()
  })
}

/** Writes at once beyond this number of characters. */
const MAX_GATHERED = 16_000

/** Writes the lines of one turn of the event loop together at its end, or at exit. */
function writeOnceATurn(destination: ReturnType<typeof pino.destination>): DestinationStream {
  let gathered = ''
  let scheduled = false
  const write = () => {
    if (gathered !== '') destination.write(gathered)
    gathered = ''
  }
  // Not flushSync: it waits for the disk each time, and forever if the disk is full.
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

// Errors of libraries may carry their input: only these members are free of secrets.
function serializeError(error: unknown) {
  if (!(error instanceof Error)) return { message: typeof error }
  const { name, message, stack, code } = error as Error & { code?: unknown }
  return { type: name, message, stack, code }
}
