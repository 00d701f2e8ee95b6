import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pinned } from './machine.ts'

export interface Server {
  readonly name: string
  readonly url: string
  /** First process; its workers are its children. */
  readonly pid: number
  /** From the start of the process to its first answer. */
  readonly startMilliseconds: number
  stop(): Promise<void>
}

export interface Launch {
  readonly name: string
  /** Default: node. */
  readonly program?: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Cores, as a list for taskset. Default: the server's core. */
  readonly cores?: string | undefined
  /** Working folder. Default: that of the bench. */
  readonly cwd?: string
  /** Path to poll until it answers. Default: wait only for the port. */
  readonly readyPath?: string
  /** Address of the server. Default: read from its log. */
  readonly url?: string
}

const START_SECONDS = 60
/** Keycloak prepares its database first, on one core. */
const ANSWER_SECONDS = 300

/** Starts a server process with its output in a file, and waits until it serves. */
export async function startServer(launch: Launch): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-bench-'))
  const log = join(folder, 'log')
  const output = openSync(log, 'a')
  const [program, ...args] = pinned(launch.cores ?? 'server', [
    launch.program ?? process.execPath,
    ...launch.args,
  ])
  const started = performance.now()
  const child = spawn(program as string, args, {
    cwd: launch.cwd,
    env: { ...process.env, ...launch.env },
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  // Also when the bench fails. A start script may not forward a signal, so its children get it too.
  const end = () => {
    const pid = child.pid as number
    for (const member of launch.program ? familyOf(pid) : [pid]) process.kill(member, 'SIGTERM')
  }
  process.once('exit', end)
  const url = launch.url ?? (await untilItListens(child, log))
  if (launch.readyPath) await untilItAnswers(child, log, url + launch.readyPath)
  const startMilliseconds = performance.now() - started
  return {
    name: launch.name,
    url,
    pid: child.pid as number,
    startMilliseconds,
    stop: async () => {
      process.off('exit', end)
      if (child.exitCode === null) {
        end()
        await once(child, 'exit')
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function untilItListens(child: ChildProcess, log: string): Promise<string> {
  for (const start = performance.now(); performance.now() - start < START_SECONDS * 1000; await sleep(5)) {
    const text = readFileSync(log, 'utf8')
    const found = /listening on (http:\/\/[\w.:[\]]+)/.exec(text)
    if (found) return found[1] as string
    if (child.exitCode !== null) throw new Error(`a server did not start: ${text}`)
  }
  throw new Error(`a server does not listen: ${readFileSync(log, 'utf8')}`)
}

async function untilItAnswers(child: ChildProcess, log: string, url: string): Promise<void> {
  for (const start = performance.now(); !(await answers(url)); await sleep(5)) {
    if (child.exitCode !== null) throw new Error(`a server did not start: ${readFileSync(log, 'utf8')}`)
    if (performance.now() - start > ANSWER_SECONDS * 1000)
      throw new Error(`a server does not answer: ${readFileSync(log, 'utf8')}`)
  }
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    (response) => response.ok,
    () => false,
  )
}

/** Pids of a process and its descendants. */
export function familyOf(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const entry of readdirSync('/proc')) {
    const parent = /^\d+$/.test(entry) ? Number(statFields(Number(entry))?.[1]) : Number.NaN
    if (!Number.isNaN(parent)) children.set(parent, [...(children.get(parent) ?? []), Number(entry)])
  }
  const family = [pid]
  for (let i = 0; i < family.length; i++) family.push(...(children.get(family[i] as number) ?? []))
  return family
}

/** Tick of the kernel's clock: 100 a second on every Linux that Node runs on. */
const TICK_MICROSECONDS = 10_000

/** CPU time so far of these processes, all threads, and of their children that have ended. */
export function cpuMicroseconds(pids: readonly number[]): number {
  // Fields 14 to 17 of proc(5): user and system time, of the process and of its reaped children.
  return pids.reduce((sum, pid) => {
    const ticks = statFields(pid)?.slice(11, 15).map(Number) ?? []
    return sum + ticks.reduce((one, other) => one + other, 0) * TICK_MICROSECONDS
  }, 0)
}

export function residentMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

/** Fields from the state on. The name before it may contain spaces and brackets. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}
