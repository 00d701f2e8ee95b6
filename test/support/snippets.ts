import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from './process.ts'

/** How a program of the portal is run where its language is installed. */
const RUNS = {
  curl: { file: 'token.sh', command: ['sh', 'token.sh'], needs: 'curl' },
  node: { file: 'token.mjs', command: [process.execPath, 'token.mjs'], needs: process.execPath },
  python: { file: 'token_request.py', command: ['python3', 'token_request.py'], needs: 'python3' },
  go: { file: 'token.go', command: ['go', 'run', 'token.go'], needs: 'go' },
  java: { file: 'Token.java', command: ['java', 'Token.java'], needs: 'java' },
} as const

export type RunnableLanguage = keyof typeof RUNS

/** Why programs of a language cannot be run here; `false`: they can. */
export function missingLanguage(language: RunnableLanguage): string | false {
  const { needs } = RUNS[language]
  const places = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, needs))
  return (
    ![needs, ...places].some((place) => place.startsWith('/') && existsSync(place)) &&
    `${needs} is not on PATH`
  )
}

export interface Run {
  readonly code: number
  readonly output: string
  readonly errors: string
}

/** Runs the text of a program in an empty folder, as a reader would who pasted it into a file. */
export function runSnippet(
  t: Test,
  language: RunnableLanguage,
  text: string,
  env: Readonly<Record<string, string>>,
): Promise<Run> {
  const { file, command } = RUNS[language]
  const cwd = temporaryFolder(t)
  writeFileSync(join(cwd, file), text)
  const [program = '', ...args] = command
  const options = { cwd, env: { ...process.env, NODE_OPTIONS: '', ...env } }
  return new Promise((resolve) =>
    execFile(program, args, options, (error, output, errors) =>
      resolve({ code: error === null ? 0 : Number(error.code), output, errors }),
    ),
  )
}

/** The programs that a page shows, by language. */
export function snippetsIn(body: string, kind: 'secret' | 'key' | 'platform'): Map<string, string> {
  const shown = body.matchAll(new RegExp(`<pre id="snippet-${kind}-(\\w+)"[^>]*>([\\s\\S]*?)</pre>`, 'g'))
  return new Map([...shown].map(([, language = '', text = '']) => [language, unescaped(text)]))
}

/** The token that a program printed; curl prints the whole answer. */
export function printedToken({ output }: Run): string {
  return output.startsWith('{') ? JSON.parse(output).access_token : output.trim()
}

function unescaped(text: string): string {
  return text.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
}
