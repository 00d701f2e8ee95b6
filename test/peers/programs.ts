import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where test/peers/set-up.sh puts what it fetches. */
export const PEERS = process.env['MINTMARK_PEERS'] ?? join(homedir(), '.cache/mintmark-peers')

/** What has to be there, and a command that succeeds where it is. */
export type Need = readonly [what: string, ...command: string[]]

/** Why a peer cannot be tried here; `false` where it can. For `t.test(name, { skip })`. */
export function missing(...needs: readonly Need[]): string | false {
  const absent = needs.filter(([, program = '', ...args]) => spawnSync(program, args).status !== 0)
  return absent.length > 0 && `not here: ${absent.map(([what]) => what).join(', ')}`
}

export const CURL_AND_JQ: readonly Need[] = [
  ['curl', 'curl', '--version'],
  ['jq', 'jq', '--version'],
]
export const GO = ['Go', 'go', 'version'] as const
/** The Python that the set-up made, or the machine's own. */
export const PYTHON_PROGRAM = existsSync(join(PEERS, 'python/bin/python3'))
  ? join(PEERS, 'python/bin/python3')
  : 'python3'
export const PYTHON = ['Python 3', PYTHON_PROGRAM, '--version'] as const
export const JAVA = ['Java 17 or later', 'java', '-version'] as const
export const MAVEN = ['Maven with a JDK', 'mvn', '--version'] as const

/** A package of PyPI that is installed where that Python looks for it. */
export function pypi(name: string, module = name): readonly [string, string, string, string] {
  return [`${name} (PyPI)`, PYTHON_PROGRAM, '-c', `import ${module}`]
}

/** The installed version of a package of PyPI. */
export function pypiVersion(name: string): string {
  const code = `import importlib.metadata as m; print(m.version('${name}'), end='')`
  return spawnSync(PYTHON_PROGRAM, ['-c', code], { encoding: 'utf8' }).stdout
}

/** What a step of test/peers/set-up.sh fetches. */
export function setUp(step: string): Need {
  return [`what \`test/peers/set-up.sh ${step}\` fetches`, 'test', '-e', join(PEERS, 'done', step)]
}

/** The version of a program that came as a package of Debian. */
export function debianVersion(name: string): string {
  const { stdout } = spawnSync('dpkg-query', ['--show', name], { encoding: 'utf8' })
  return /\t(?:\d+:)?(\d[\d.]*\d)/.exec(stdout)?.[1] ?? ''
}
