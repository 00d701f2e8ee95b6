import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Test } from 'tap'

export interface StartOptions {
  readonly cwd: string
  readonly env?: NodeJS.ProcessEnv
  /** Succeeds once the program does its work. */
  readonly isReady: () => Promise<boolean>
}

/** Starts a peer and waits until it answers. It is stopped when the test ends. */
export async function startPeer(
  t: Test,
  [program = '', ...args]: readonly string[],
  { cwd, env = { ...process.env, NODE_OPTIONS: '' }, isReady }: StartOptions,
): Promise<ChildProcess> {
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk
    })
  t.teardown(() => stopPeer(child))
  while (!(await isReady().catch(() => false))) {
    if (child.exitCode !== null) throw new Error(`${program} did not start:\n${output}`)
    await sleep(100)
  }
  return child
}

export async function stopPeer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const killer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await once(child, 'exit')
  clearTimeout(killer)
}

/** True once something answers there by HTTP, whatever it says. */
export const answersAt = (url: string) => () => fetch(url).then(() => true)

const run = promisify(execFile)

export interface Ended {
  readonly ok: boolean
  readonly output: string
}

/** Runs a program to its end, and gives what it wrote. */
export async function runPeer(
  [program = '', ...args]: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv; readonly input?: string },
): Promise<Ended> {
  const env = options.env ?? { ...process.env, NODE_OPTIONS: '' }
  const running = run(program, args, { cwd: options.cwd, env })
  // A program that ends without reading is no fault of the test.
  running.child.stdin?.on('error', () => {}).end(options.input)
  return running.then(
    ({ stdout, stderr }) => ({ ok: true, output: stdout + stderr }),
    (error: { stdout: string; stderr: string }) => ({ ok: false, output: error.stdout + error.stderr }),
  )
}
