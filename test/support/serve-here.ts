import { pino } from 'pino'
import type { Test } from 'tap'
import { failureOf } from '../../src/cli/failure.ts'
import { loadConfig } from '../../src/config.ts'
import { loggerOptions } from '../../src/server/logger.ts'
import { prepare } from '../../src/server/prepare.ts'
import { serve } from '../../src/server/serve.ts'
import type { Environment } from './process.ts'

export interface ServedHere {
  /** Where it listens. */
  readonly url: string
  /** What it has logged so far, a JSON line each. */
  log(): string
  close(): Promise<void>
}

/** What `mintmark serve` does, within this process: for tests of what does not concern the process itself. */
export async function serveHere(
  t: Test,
  environment: Environment,
  meanwhile = async (_log: () => string) => {},
): Promise<ServedHere> {
  const lines: string[] = []
  const log = () => lines.join('')
  const logger = pino(loggerOptions('info'), { write: (line: string) => void lines.push(line) })
  const stop = new AbortController()
  const starting = prepare(loadConfig({ PORT: '0', ...environment })).then((prepared) =>
    serve(prepared, logger, stop.signal),
  )
  starting.catch(() => {})
  await meanwhile(log)
  const running = await starting
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= running.close()
    return closing
  }
  t.teardown(close)
  const [, url] = /listening on (http:\/\/[\w.:[\]]+)/.exec(log()) ?? []
  return { url: url as string, log, close }
}

/** Why a server does not start with that environment, as `mintmark serve` tells it. */
export async function refusedStart(environment: Environment): Promise<{ exitCode: number; detail: string }> {
  const logger = pino({ enabled: false })
  const starting = async () =>
    serve(await prepare(loadConfig({ ...environment })), logger, new AbortController().signal)
  try {
    await (await starting()).close()
  } catch (error) {
    return failureOf(error)
  }
  throw new Error('the server started')
}
