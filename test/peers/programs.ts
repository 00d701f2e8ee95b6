import { spawnSync } from 'node:child_process'

/** What has to be there, and a command that succeeds where it is. */
export type Need = readonly [what: string, ...command: string[]]

/** Why a peer cannot be tried here; `false` where it can. For `t.test(name, { skip })`. */
export function missing(...needs: readonly Need[]): string | false {
  const absent = needs.filter(([, program = '', ...args]) => spawnSync(program, args).status !== 0)
  return absent.length > 0 && `not here: ${absent.map(([what]) => what).join(', ')}`
}

export const GO = ['Go', 'go', 'version'] as const
export const PYTHON = ['Python 3', 'python3', '--version'] as const
export const MAVEN = ['Maven with a JDK', 'mvn', '--version'] as const

/** A package of PyPI that is installed where `python3` looks for it. */
export function pypi(name: string, module = name): readonly [string, string, string, string] {
  return [`${name} (PyPI)`, 'python3', '-c', `import ${module}`]
}
