import { Readable, Writable } from 'node:stream'
import { runCommand } from '../../src/cli/program.ts'
import type { Ended, Environment } from './process.ts'

/** Runs a command to its end within this process, which takes a tenth of the time that a process of its own takes. */
export async function mintmark(
  args: readonly string[],
  environment: Environment,
  { input = '' }: { input?: string } = {},
): Promise<Ended> {
  const stdout = collector()
  const stderr = collector()
  const streams = { stdin: Readable.from([input]), stdout: stdout.stream, stderr: stderr.stream }
  const code = await runCommand(['node', 'mintmark', ...args], environment, serve, streams)
  return { code, stdout: stdout.text(), stderr: stderr.text() }
}

function collector() {
  let text = ''
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      text += chunk
      done()
    },
  })
  return { stream, text: () => text }
}

async function serve(): Promise<never> {
  throw new Error('the server is tested as a process')
}
