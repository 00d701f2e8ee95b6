import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Html } from './html.ts'

const FOLDER = join(dirname(createRequire(import.meta.url).resolve('heroicons/package.json')), '24/outline')

const NAMES = [
  'arrow-down-tray',
  'arrow-path',
  'arrow-right-start-on-rectangle',
  'arrow-up-tray',
  'bell',
  'building-office-2',
  'chart-bar',
  'check',
  'check-circle',
  'chevron-down',
  'chevron-right',
  'clipboard',
  'clipboard-document-list',
  'clock',
  'code-bracket-square',
  'cog-6-tooth',
  'cpu-chip',
  'exclamation-triangle',
  'information-circle',
  'key',
  'lock-closed',
  'magnifying-glass',
  'no-symbol',
  'paper-airplane',
  'pause',
  'pencil-square',
  'play',
  'plus',
  'server-stack',
  'shield-check',
  'tag',
  'trash',
  'user-circle',
  'users',
  'x-mark',
] as const

export type IconName = (typeof NAMES)[number]

const icons = new Map(
  NAMES.map((name) => [name, Html.trusted(readFileSync(join(FOLDER, `${name}.svg`), 'utf8').trim())]),
)

/** A picture beside words that say the same; hidden from screen readers. */
export function icon(name: IconName): Html {
  return icons.get(name) as Html
}
