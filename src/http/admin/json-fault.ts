const TOKEN =
  /(?:([[\]{}:,])|("(?:[ !#-[\]-\u{10ffff}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|true\b|false\b|null\b)|$)/uy

const SPACE = /[\t\n\r ]*/y

const STRING_BEGIN = /"(?:[ !#-[\]-\u{10ffff}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*/uy

/** What may come next. */
type State = 'value' | 'first item' | 'first member' | 'member' | 'colon' | 'comma' | 'end'

/** Offset where a text stops being JSON; `undefined`: it is JSON. A message of the parser would quote the body. */
export function findJsonFault(text: string): number | undefined {
  const open: ('[' | '{')[] = []
  let state: State = 'value'
  let at = 0
  while (true) {
    SPACE.lastIndex = at
    SPACE.test(text)
    const begin = SPACE.lastIndex
    TOKEN.lastIndex = begin
    const match = TOKEN.exec(text)
    if (!match) return text[begin] === '"' ? endOfString(text, begin) : begin
    const [, mark, string, literal] = match
    const kind = mark ?? (string !== undefined ? 'string' : literal !== undefined ? 'literal' : 'nothing')
    if (kind === 'nothing') return state === 'end' ? undefined : text.length
    const next = step(state, kind, open)
    if (next === undefined) return begin
    state = next
    at = TOKEN.lastIndex
  }
}

function endOfString(text: string, begin: number): number {
  STRING_BEGIN.lastIndex = begin
  STRING_BEGIN.test(text)
  return STRING_BEGIN.lastIndex
}

function step(state: State, kind: string, open: ('[' | '{')[]): State | undefined {
  const isClosing = kind === ']' || kind === '}'
  if (isClosing) return close(state, kind, open)
  if (state === 'value' || state === 'first item') return readValue(kind, open)
  if (state === 'member' || state === 'first member') return kind === 'string' ? 'colon' : undefined
  if (state === 'colon') return kind === ':' ? 'value' : undefined
  if (state === 'comma' && kind === ',') return open.at(-1) === '[' ? 'value' : 'member'
  return undefined
}

function readValue(kind: string, open: ('[' | '{')[]): State | undefined {
  if (kind === '[' || kind === '{') {
    open.push(kind)
    return kind === '[' ? 'first item' : 'first member'
  }
  if (kind !== 'string' && kind !== 'literal') return undefined
  return open.length > 0 ? 'comma' : 'end'
}

function close(state: State, kind: string, open: ('[' | '{')[]): State | undefined {
  const [opening, first] = kind === ']' ? ['[', 'first item'] : ['{', 'first member']
  if (open.at(-1) !== opening || (state !== 'comma' && state !== first)) return undefined
  open.pop()
  return open.length > 0 ? 'comma' : 'end'
}
