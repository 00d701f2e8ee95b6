import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { hasWrk, pinned } from './machine.ts'

export interface Load {
  readonly url: string
  /** File of requests, as `writeRequests` makes it. */
  readonly file: string
  readonly order: 'random' | 'sequential'
  readonly connections: number
  readonly seconds: number
  /** An answer that takes longer has failed. Default: 10. */
  readonly patienceSeconds?: number
  /** Requests a second, about. Default: as many as are answered. */
  readonly rate?: number
  /** Number of requests; the time does not matter then. */
  readonly amount?: number
  /** Each request names another address in X-Forwarded-For. */
  readonly manyAddresses?: boolean
  /** Another server that the generator warms up on, so that only the server under test is cold. */
  readonly warmUpUrl?: string
}

export interface LoadResult {
  readonly completed: number
  readonly seconds: number
  /** Answered with 4xx or 5xx. */
  readonly refused: number
  readonly failed: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

export interface RequestLine {
  readonly path: string
  /** `undefined`: a GET. */
  readonly body?: string
  /** Sent with a GET as Authorization. */
  readonly bearer?: string
}

export const CONNECTIONS = 64

export function writeRequests(file: string, requests: readonly RequestLine[]): string {
  writeFileSync(file, `${requests.map(toLine).join('\n')}\n`)
  return file
}

function toLine({ path, body, bearer }: RequestLine): string {
  if (bearer !== undefined) return `${path}\t\t${bearer}`
  return body === undefined ? path : `${path}\t${body}`
}

/** Shuffles requests: the load generator reads a large file in order. */
export function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    ;[result[i], result[j]] = [result[j] as T, result[i] as T]
  }
  return result
}

export function tokenRequest(realm: string, clientId: string, clientSecret: string): RequestLine {
  const body = `grant_type=client_credentials&client_id=${clientId}&client_secret=${clientSecret}`
  return { path: `/realms/${realm}/protocol/openid-connect/token`, body }
}

/** Runs a load in a process of its own. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const command = hasWrk && load.amount === undefined && !load.manyAddresses ? wrk(load) : autocannon(load)
  const [program, ...args] = pinned('others', command)
  const { stdout } = await promisify(execFile)(program as string, args, { maxBuffer: 2 ** 24 })
  const found = /^RESULT (.*)$/m.exec(stdout)
  if (!found) throw new Error(`no result of the load: ${stdout}`)
  return JSON.parse(found[1] as string) as LoadResult
}

function wrk({ url, file, order, connections, seconds, rate, patienceSeconds = 10 }: Load): string[] {
  const script = join(import.meta.dirname, 'requests.lua')
  // For a rate, a connection pauses after each answer for a random time, on average as long as the rate needs.
  const pause = rate === undefined ? 0 : Math.round((connections * 1000) / rate)
  const run = [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--timeout',
    `${patienceSeconds}s`,
    '-s',
    script,
    url,
  ]
  return ['wrk', ...run, '--', file, order, String(pause)]
}

function autocannon(load: Load): string[] {
  return [process.execPath, join(import.meta.dirname, 'autocannon.ts'), JSON.stringify(load)]
}
