import { getSystemErrorMessage } from 'node:util'
import { EXIT } from './exit-codes.ts'

/** Exit code of a program that SIGPIPE ended. */
const READER_GONE = 141

/**
 * Ends a command when its output cannot be written: quietly where its reader has seen enough, as `head` has, else with a sentence.
 * @returns how to heed that no more
 */
export function endOnUnwritableOutput(): () => void {
  const end = ({ code, errno }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(READER_GONE)
    const why = errno === undefined ? code : getSystemErrorMessage(errno)
    // Standard error may be what cannot be written: nothing is told then.
    process.stderr.write(`mintmark: the output cannot be written: ${why}; what the command did stays done\n`)
    process.exit(EXIT.failed)
  }
  const streams = [process.stdout, process.stderr]
  for (const stream of streams) stream.on('error', end)
  return () => {
    for (const stream of streams) stream.off('error', end)
  }
}
