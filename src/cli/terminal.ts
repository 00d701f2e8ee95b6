import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import type { Readable, Writable } from 'node:stream'
import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import { readHidden } from './hidden-input.ts'
import { type Text, textIn } from './table.ts'

/** Result of a command: as JSON for programs, as text for people. */
export interface Answer {
  readonly json: unknown
  readonly text: Text
  /** Exit code of a command that was done; absent: 0. */
  readonly exitCode?: number
}

/** The streams of a process. */
export interface Streams {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
}

/** Where a command reads and prints. */
export interface Terminal {
  /** The exit code of the answer that was printed. */
  readonly exitCode: number
  /** Standard input; opened when it is first asked for. */
  readonly input: Readable
  /** Prints the result, which is all that standard output gets. */
  print(answer: Answer): void
  /** Prints a line for people on standard error. */
  note(line: string): void
  /** Shows how far a command is, on one line of a terminal; an empty text ends it. Says nothing to a file. */
  progress(text: string): void
  /** Reads a secret: all of standard input, or what a person types at a terminal without seeing it. */
  readSecret(question: string): Promise<string>
  /** Asks a person at a terminal. Where none is there, the answer is yes: a script means what it says. */
  confirm(question: string): Promise<boolean>
}

/** Tells a person what the database does. With `--json` a program reads standard error: it has a failure, and nothing before. */
export function logOf(program: Command, { note }: Pick<Terminal, 'note'>): (line: string) => void {
  return program.opts()['json'] ? () => {} : note
}

/** Prints what an administrator should know of a change. */
export function noteAll({ note }: Pick<Terminal, 'note'>, warnings: readonly string[] = []): void {
  for (const one of warnings) note(one)
}

/** The program's `--json` decides how results are printed. */
export function terminalOf(program: Command, streams: Streams): Terminal {
  let exitCode = 0
  return {
    get exitCode() {
      return exitCode
    },
    get input() {
      return streams.stdin
    },
    print({ json, text, exitCode: own = 0 }) {
      exitCode = own
      const shown = program.opts()['json'] ? JSON.stringify(json) : textIn(text, widthOf(streams.stdout))
      streams.stdout.write(`${shown}\n`)
    },
    note(line) {
      streams.stderr.write(`${line}\n`)
    },
    progress(text) {
      if (isTerminal(streams.stderr)) streams.stderr.write(`\r\u001b[K${text}`)
    },
    async readSecret(question) {
      if (isTerminal(streams.stdin)) return readHidden(question, streams)
      // Echo and editors leave a line break, which is no part of it.
      return (await readAll(streams.stdin)).replace(/\r?\n$/, '')
    },
    async confirm(question) {
      if (!isTerminal(streams.stdin) || !isTerminal(streams.stderr)) return true
      const lines = createInterface({ input: streams.stdin, output: streams.stderr, terminal: false })
      const ended = once(lines, 'close').then(() => '')
      const answer = await Promise.race([lines.question(`${question} [y/N] `), ended])
      lines.close()
      return /^y(es)?$/i.test(answer.trim())
    },
  }
}

function isTerminal(stream: Readable | Writable): boolean {
  return (stream as { isTTY?: boolean }).isTTY === true
}

/** Cells of a line; `undefined` for what is no terminal. */
function widthOf(stream: Writable): number | undefined {
  const { columns } = stream as { columns?: number }
  return isTerminal(stream) && columns !== undefined && columns > 0 ? columns : undefined
}
