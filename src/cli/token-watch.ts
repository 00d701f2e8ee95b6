import { constants } from 'node:fs'
import { access, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../domain/clock.ts'
import type { Terminal } from './terminal.ts'
import { time } from './text.ts'
import { TokenFault } from './token-fault.ts'
import type { TokenAnswer } from './token-request.ts'

type Ask = () => Promise<TokenAnswer>

const RENEW_AT = 0.75
/** So that many that started together do not ask together, each renews up to this much of the life earlier. */
const SPREAD = 0.05
/** For an issuer that does not say how long its token lives. */
const ASSUMED_SECONDS = 60
const LONGEST_PAUSE_SECONDS = 60
const DAY_SECONDS = 86_400

/**
 * Keeps a fresh token in a file until SIGTERM or SIGINT. While no new one is had, the old one stays there and the attempts
 * back off.
 * @throws TokenFault for what no later attempt would mend
 */
export async function watchToken(
  file: string,
  terminal: Terminal,
  prepare: (stop: AbortSignal) => Promise<Ask>,
): Promise<void> {
  const stop = new AbortController()
  const end = () => stop.abort()
  process.once('SIGTERM', end).once('SIGINT', end)
  try {
    const path = resolve(file)
    await checkFolder(path)
    await keepFresh(path, await prepare(stop.signal), stop.signal, (line) =>
      terminal.note(`mintmark: ${line}`),
    )
  } finally {
    process.off('SIGTERM', end).off('SIGINT', end)
  }
}

type Tell = (line: string) => void

async function keepFresh(path: string, ask: Ask, stop: AbortSignal, tell: Tell): Promise<void> {
  let failures = 0
  while (!stop.aborted) {
    try {
      const renewIn = await renew(path, ask, tell)
      failures = 0
      await pause(renewIn, stop)
    } catch (error) {
      if (stop.aborted) return
      const wait = backOff(++failures, error)
      tell(`no new token: ${(error as Error).message}. Next attempt in ${Math.ceil(wait)} s.`)
      await pause(wait, stop)
    }
  }
}

/** Returns in how many seconds to do it again. */
async function renew(path: string, ask: Ask, tell: Tell): Promise<number> {
  // Its life counts from before the request: the answer may have been long on its way.
  const startedAt = systemClock().getTime()
  const { access_token: token, expires_in: said } = await ask()
  const life = typeof said === 'number' && said > 0 ? Math.min(said, DAY_SECONDS) : ASSUMED_SECONDS
  await replaceFile(path, token)
  tell(`wrote ${path}, good until ${time(new Date(startedAt + life * 1000))}`)
  const renewAt = startedAt + life * 1000 * (RENEW_AT - Math.random() * SPREAD)
  return Math.max(0, (renewAt - systemClock().getTime()) / 1000)
}

/** Replaces the file in one step, so that a reader never sees half a token. Only the owner can read it. */
async function replaceFile(path: string, text: string): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}`)
  await rm(draft, { force: true })
  try {
    const handle = await open(draft, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

async function checkFolder(path: string): Promise<void> {
  try {
    await access(dirname(path), constants.W_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new TokenFault(`${path} cannot be written: ${dirname(path)}: ${code}`)
  }
}

/** 1 s, 2 s, 4 s … each shortened by up to a half, and at least what the issuer asks for. */
function backOff(failures: number, error: unknown): number {
  const longest = Math.min(LONGEST_PAUSE_SECONDS, 2 ** Math.min(failures - 1, 10))
  const asked = error instanceof TokenFault ? (error.retryAfterSeconds ?? 0) : 0
  return Math.max(asked, longest * (1 - Math.random() / 2))
}

async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  await sleep(seconds * 1000, undefined, { signal }).catch(() => undefined)
}
