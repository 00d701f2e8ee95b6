import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'

export type Cores = 'server' | 'others' | 'all' | string

const hasTaskset = spawnSync('taskset', ['--version']).status === 0 && availableParallelism() > 1

/** Whether wrk is installed. Autocannon replaces it, and always makes loads of a number of requests or of many addresses. */
export const hasWrk = spawnSync('wrk', ['--version']).error === undefined

/** The server gets the first core, everything else the second, so that the load does not slow what it measures. */
export function pinned(cores: Cores, command: readonly string[]): string[] {
  if (!hasTaskset || cores === 'all') return [...command]
  const list = cores === 'server' ? '0' : cores === 'others' ? '1' : cores
  return ['taskset', '-c', list, ...command]
}

/** Moves a running process, and its future children, to the second core. */
export function pinToOthers(pid: number): void {
  if (hasTaskset) spawnSync('taskset', ['-a', '-p', '-c', '1', String(pid)])
}

/** Description of the machine and the versions. */
export function describeMachine(): string {
  const version = (name: string, folder = '../../node_modules') =>
    `${name} ${JSON.parse(readFileSync(new URL(`${folder}/${name}/package.json`, import.meta.url), 'utf8')).version}`
  const packages = [
    ...['fastify', 'jose', 'pg', 'oidc-provider'].map((name) => version(name)),
    version('autocannon', '../node_modules'),
  ]
  return [
    `${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB`,
    `Linux ${release().split('-')[0]}, Node ${process.versions.node}, OpenSSL ${process.versions.openssl}`,
    packages.join(', '),
    hasTaskset
      ? 'pinned by taskset: the server to one core; load, PostgreSQL and bench to another'
      : 'not pinned: server, load and PostgreSQL compete for all cores',
    hasWrk ? 'load by wrk, counts and many addresses by autocannon' : 'load by autocannon',
  ].join('; ')
}
