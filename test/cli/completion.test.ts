import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { mintmark } from '../support/command.ts'
import { temporaryFolder } from '../support/process.ts'

const execute = promisify(execFile)

interface Shell {
  readonly name: string
  readonly program: string
  /** A script that completes the line, its words one by one, and prints what may follow. */
  readonly complete: (file: string, words: readonly string[]) => readonly string[]
}

const quoted = (words: readonly string[]) => words.map((word) => `'${word}'`).join(' ')

// Completion of zsh takes a terminal: its own functions are replaced by ones that print.
const ZSH = `compdef() {}; _files() { print -l FILES }; compadd() { shift; print -l -- "$@" }
_describe() { print -l -- "\${(@)described%%:*}" }`

const SHELLS: readonly Shell[] = [
  {
    name: 'bash',
    program: '/bin/bash',
    complete: (file, words) => [
      '-c',
      `source ${file}; COMP_WORDS=(${quoted(words)}); COMP_CWORD=${words.length - 1}; _mintmark; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ],
  },
  {
    name: 'zsh',
    program: '/usr/bin/zsh',
    complete: (file, words) => [
      '-f',
      '-c',
      `${ZSH}; source ${file}; run() { local -a words=(${quoted(words)}); local CURRENT=${words.length}; _mintmark }; run`,
    ],
  },
  {
    name: 'fish',
    program: '/usr/bin/fish',
    complete: (file, words) => ['--no-config', '-c', `source ${file}; complete -C "${words.join(' ')}"`],
  },
]

/** What must and what must not be offered. */
const CASES: readonly (readonly [words: string, offered: readonly string[], not: readonly string[]])[] = [
  ['mintmark ', ['realm', 'service-account', 'completion'], ['list', 'bash']],
  ['mintmark service-account ', ['create', 'list', 'key'], ['realm']],
  ['mintmark service-account key ', ['add', 'update'], ['create']],
  [
    'mintmark service-account list --',
    ['--state', '--limit', '--json', '--server', '--help'],
    ['--allowed-network'],
  ],
  ['mintmark service-account list --state ', ['enabled', 'disabled', 'ended'], ['--limit']],
  ['mintmark --json service-account list --realm acme --auth-method ', ['private_key_jwt'], ['--limit']],
  ['mintmark completion ', ['bash', 'zsh', 'fish'], ['realm']],
]

for (const shell of SHELLS)
  t.test(
    `${shell.name} completes commands, options and values`,
    {
      skip: existsSync(shell.program) ? false : `${shell.program} is not there`,
    },
    async (t) => {
      const file = await scriptOf(t, shell.name)
      for (const [line, offered, not] of CASES) {
        const { stdout, stderr } = await execute(shell.program, shell.complete(file, line.split(' ')))
        t.equal(stderr, '', line)
        const words = stdout.split('\n').map((one) => one.split('\t')[0])
        for (const word of offered) t.ok(words.includes(word), `${line}${word}`)
        for (const word of not) t.notOk(words.includes(word), `${line}not ${word}`)
      }
    },
  )

async function scriptOf(t: Test, shell: string): Promise<string> {
  const { code, stdout } = await mintmark(['completion', shell], {})
  t.equal(code, 0)
  const file = join(temporaryFolder(t), `completion.${shell}`)
  writeFileSync(file, stdout)
  return file
}

t.test('every command is in the script of every shell', async (t) => {
  const { stdout: help } = await mintmark(['--help'], {})
  const commands = [...help.matchAll(/^ {2}([a-z][a-z-]+)/gm)].map(([, name]) => name as string)
  t.ok(commands.length > 15)
  for (const { name } of SHELLS) {
    const { stdout } = await mintmark(['completion', name], {})
    for (const command of commands) t.match(stdout, new RegExp(`\\b${command}\\b`), `${name} ${command}`)
  }
})

t.test('another shell is refused', async (t) => {
  const { code, stderr } = await mintmark(['completion', 'tcsh'], {})
  t.equal(code, 2)
  t.match(stderr, /Allowed choices are bash, zsh, fish/)
})
