import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

/** JSON lines on standard error, or something for the eye when that is a terminal. */
export function createLogger(level: string, { isTTY }: { isTTY?: boolean } = process.stderr): Logger {
  const options = { level, serializers: { err: serializeError } }
  const stderr = 2
  if (isTTY) return pino(options, pretty({ destination: stderr, ignore: 'pid,hostname', sync: true }))
  return pino(
    options,
    writeOnceATurn(pino.destination({ dest: stderr, sync: true, minLength: BUFFER_BYTES })),
  )
}

/** More than this is written at once. */
const BUFFER_BYTES = 16_000

/** Lines of one turn of the event loop go out in one write at its end, or when the process exits. */
function writeOnceATurn(destination: ReturnType<typeof pino.destination>): DestinationStream {
  let scheduled = false
  const flush = () => {
    scheduled = false
    destination.flushSync()
  }
  process.once('exit', flush)
  return {
    write(line) {
      destination.write(line)
      if (scheduled) return
      scheduled = true
      setImmediate(flush)
    },
  }
}

// Errors of libraries carry what they were given: only these members are sure to hold no secret.
function serializeError(error: unknown) {
  if (!(error instanceof Error)) return { message: typeof error }
  const { name, message, stack, code } = error as Error & { code?: unknown }
  return { type: name, message, stack, code }
}
