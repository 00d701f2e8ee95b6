import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const PAGES = resolve(import.meta.dirname, '../../docs/quick-start')

/** The code of a page that is marked with a language. */
export function codeOf(page: string, language: string): string[] {
  const text = readFileSync(join(PAGES, page), 'utf8')
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, marked]) => marked === language)
    .map(([, , code]) => code as string)
}

/** The files that a page shows: each named in the line above its code, as `client/pom.xml`. */
export function filesOf(page: string): Map<string, string> {
  const text = readFileSync(join(PAGES, page), 'utf8')
  const shown = text.matchAll(/^[^`\n]*`([\w./-]+\.\w+)`[^\n]*:\n\n```\w*\n(.*?)^```$/gms)
  return new Map([...shown].map(([, name, code]) => [name as string, code as string]))
}

/** Writes the files of a page below a folder. */
export function writePage(page: string, folder: string): void {
  const files = filesOf(page)
  if (files.size === 0) throw new Error(`${page} shows no files`)
  for (const [name, code] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), code)
  }
}

// `node test/peers/pages.ts java.md FOLDER`: for the set-up, which fetches what the programs need.
if (import.meta.main) {
  const [page, folder] = process.argv.slice(2)
  if (!page || !folder) throw new Error('usage: pages.ts PAGE FOLDER')
  writePage(page, folder)
}
