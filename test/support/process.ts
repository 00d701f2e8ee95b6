import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { PROGRAM } from './program.ts'
import { MASTER_KEY } from './server.ts'
import { TEMPORARY_ROOT } from './temporary-root.ts'

export type Environment = Readonly<Record<string, string>>

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly child: ChildProcess
  readonly environment: Environment
  /** Where it listens. */
  readonly url: string
  readonly ended: Promise<Ended>
  /** What it has written so far. */
  output(): { stdout: string; stderr: string }
}

/** A new folder, gone when the test ends. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(TEMPORARY_ROOT, 'mintmark-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export const MASTER_KEY_ENVIRONMENT: Environment = { MASTER_KEY }

/** The environment of a server on that database. */
export function onDatabase(databaseUrl: string): Environment {
  return { DATABASE_URL: databaseUrl, MASTER_KEY }
}

/** Room for young objects, as the suites have: collecting them takes a tenth of a start otherwise. */
const YOUNG_OBJECTS = ['--min-semi-space-size=32', '--max-semi-space-size=32']

/** Runs a command to its end. */
export async function mintmark(
  args: readonly string[],
  environment: Environment,
  { input = '', fileBlocks, program }: { input?: string; fileBlocks?: number; program?: string } = {},
): Promise<Ended> {
  const { child, ended } = launch(args, environment, fileBlocks, program)
  child.stdin?.end(input)
  return ended
}

/** Starts `mintmark serve` on a free port; it is up when this returns, and gone when the test ends. */
export async function startServer(
  t: Test,
  environment: Environment,
  meanwhile = async (_log: () => string) => {},
  program = PROGRAM,
): Promise<Started> {
  const { child, ended, output } = launch(['serve'], { PORT: '0', ...environment }, undefined, program)
  t.teardown(async () => {
    child.kill('SIGTERM')
    await ended
  })
  await meanwhile(() => output().stderr)
  const url = await new Promise<string>((resolve, reject) => {
    const look = () => {
      const found = /listening on (http:\/\/[\w.:[\]]+)/.exec(output().stderr)
      if (found) resolve(found[1] as string)
    }
    child.stderr?.on('data', look)
    look()
    void ended.then(({ stderr }) => reject(new Error(`the server did not start: ${stderr}`)))
  })
  return { child, environment, url, ended, output }
}

/** Why a server did not start: the last of its lines, all of which are JSON. */
export function fatal(stderr: string): string {
  const lines = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { level: number; msg: string })
  const [last] = lines.slice(-1)
  if (last?.level !== 60 || lines.some(({ level }, at) => level === 60 && at < lines.length - 1))
    throw new Error(`the last line, and no other, should be of level 60: ${stderr}`)
  return last.msg
}

/** Kills it as a crash would. */
export async function crash({ child, ended }: Pick<Started, 'child' | 'ended'>): Promise<void> {
  child.kill('SIGKILL')
  await ended
}

/** @param fileBlocks blocks of 512 bytes that a file may have: what a full disk looks like */
export function launch(
  args: readonly string[],
  environment: Environment,
  fileBlocks?: number,
  program = PROGRAM,
): Pick<Started, 'child' | 'ended' | 'output'> {
  const limit = fileBlocks === undefined ? '' : `ulimit -f ${fileBlocks}; `
  const node = [process.execPath, ...YOUNG_OBJECTS, program]
  const child = spawn('/bin/sh', ['-c', `${limit}exec "$0" "$@"`, ...node, ...args], {
    env: { ...inherited(), ...environment },
    stdio: 'pipe',
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  child.stdin.on('error', () => {})
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }))
  return { child, ended, output: () => ({ stdout, stderr }) }
}

// Nothing of the server's own settings, and of tap's only what it needs where coverage is taken.
function inherited(): Record<string, string | undefined> {
  const ours =
    /^(HOST|PORT|PUBLIC_URL|DATABASE_URL|DATA_DIR|MASTER_KEY.*|WORKERS|LOG_LEVEL|TRUST_PROXY|SHUTDOWN_DELAY|METRICS_TOKEN.*|FAILED_ATTEMPTS_STORE|PORTAL_OIDC_.*|BOOTSTRAP_.*|OTEL_.*)$/
  const taps = process.env['_TAPJS_PROCESSINFO_COVERAGE_'] === '1' ? /^$/ : /^(NODE_OPTIONS|_?TAP.*)$/
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !ours.test(name) && !taps.test(name)),
  )
}
