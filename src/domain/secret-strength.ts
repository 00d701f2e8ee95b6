import { Refusal } from './refusal.ts'

/** Takes longer to guess than anybody has, at thousands of guesses a second. */
const MIN_BITS = 50
const MIN_LENGTH = 12

/** Each of these counts as one character. */
const COMMON =
  /passw(?:or[dt]|d)|passphrase|secret|changeme|change-me|letmein|welcome|admin|qwerty(?:uiop)?|asdf(?:ghjkl)?|zxcv(?:bnm)?|iloveyou|default|client|mintmark|keycloak|(?:19|20)\d\d/gi

/** Returns whether a secret looks guessable, by its length, characters, repeats and runs. */
export function isWeakSecret(secret: string): boolean {
  return secret.length < MIN_LENGTH || bitsOf(secret) < MIN_BITS
}

/** @throws Refusal `invalid` */
export function checkSecretStrength(secret: string, field = 'client_secret'): void {
  if (isWeakSecret(secret))
    throw new Refusal(
      'invalid',
      `This ${field} could be guessed. Use ${MIN_LENGTH} characters or more without words and runs that are common, best random ones: openssl rand -hex 16`,
      field,
    )
}

function bitsOf(secret: string): number {
  const characters = [...secret.replace(COMMON, 'w')]
  const text = characters.join('')
  let before = 0
  const surprising = characters.filter((character, n) => {
    const isNew = !isRun(characters, n) && !isDoubled(characters, n, text.slice(0, before))
    before += character.length
    return isNew
  })
  return surprising.length * Math.log2(poolOf(surprising))
}

/** Returns whether a character follows from the previous ones: a repeat, or a run such as 1234. */
function isRun(characters: readonly string[], n: number): boolean {
  const codeAt = (at: number) => characters[at]?.codePointAt(0) ?? Number.NaN
  const [a, b, c] = [codeAt(n - 2), codeAt(n - 1), codeAt(n)]
  return b === c || (c - b === b - a && Math.abs(c - b) <= 1)
}

/** Returns whether it ends three characters that stand in the text before it. */
function isDoubled(characters: readonly string[], n: number, before: string): boolean {
  return n >= 3 && before.includes(characters.slice(n - 2, n + 1).join(''))
}

/** Size of the alphabet that the text draws from. */
function poolOf(characters: readonly string[]): number {
  const text = characters.join('')
  const kinds: [RegExp, number][] = [
    [/[a-z]/, 26],
    [/[A-Z]/, 26],
    [/\d/, 10],
    [/[^a-zA-Z\d]/, 20],
  ]
  const pool = kinds.reduce((sum, [kind, size]) => sum + (kind.test(text) ? size : 0), 0)
  return Math.max(2, Math.min(pool, new Set(characters).size * 4))
}
