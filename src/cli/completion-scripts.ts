/** What may follow a command's words. */
export interface Completed {
  /** Words of the command; empty: mintmark itself. */
  readonly path: readonly string[]
  readonly words: readonly CompletedWord[]
  readonly options: readonly CompletedOption[]
}

export interface CompletedWord {
  readonly word: string
  readonly description: string
}

export interface CompletedOption extends CompletedWord {
  readonly takesValue: boolean
  /** Values that it may have; `undefined`: any. */
  readonly choices: readonly string[] | undefined
}

/** Text in single quotes, for any of the shells; its own become typographic ones. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", '’')}'`
}

const pathText = ({ path }: Completed) => path.join(' ')

/** Lines of a case: which words lead to a command. */
function pathsOf(all: readonly Completed[]): string {
  return all
    .filter(({ path }) => path.length > 0)
    .map((one) => quoted(pathText(one)))
    .join('|')
}

/** Shell functions that both bash and zsh can run: the command so far, and the values of an option. */
function posixParts(all: readonly Completed[]): { readonly words: string; readonly values: string } {
  const words = all.map((one) => {
    const given = [...one.words, ...one.options].map(({ word }) => word).join(' ')
    return `    ${quoted(pathText(one))}) words=${quoted(given)} ;;`
  })
  const values = all.flatMap((one) =>
    one.options
      .filter(({ takesValue }) => takesValue)
      .map(
        ({ word, choices = [] }) =>
          `    ${quoted(`${pathText(one)} ${word}`.trim())}) words=${quoted(choices.join(' '))}; isValue=1 ;;`,
      ),
  )
  return { words: words.join('\n'), values: values.join('\n') }
}

export function bashCompletion(all: readonly Completed[]): string {
  const { words, values } = posixParts(all)
  return `# Completes mintmark in bash.
_mintmark() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command= words= isValue= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${command:+$command }\${COMP_WORDS[i]}" in
      ${pathsOf(all)}) command="\${command:+$command }\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$command" in
${words}
  esac
  case "\${command:+$command }$previous" in
${values}
  esac
  [ -n "$isValue" ] && [ -z "$words" ] && return
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o bashdefault -o default -F _mintmark mintmark
`
}

export function zshCompletion(all: readonly Completed[]): string {
  const { values } = posixParts(all)
  const described = (words: readonly CompletedWord[]) =>
    words
      .map(({ word, description }) => quoted(`${word.replaceAll(':', '\\:')}:${oneLine(description)}`))
      .join(' ')
  const words = all.map(
    (one) => `    ${quoted(pathText(one))}) described=(${described([...one.words, ...one.options])}) ;;`,
  )
  return `#compdef mintmark
# Completes mintmark in zsh.
_mintmark() {
  local command= words_= isValue= i previous=\${words[CURRENT-1]}
  local -a described
  for ((i = 2; i < CURRENT; i++)); do
    case "\${command:+$command }\${words[i]}" in
      ${pathsOf(all)}) command="\${command:+$command }\${words[i]}" ;;
    esac
  done
  case "$command" in
${words.join('\n')}
  esac
  case "\${command:+$command }$previous" in
${values.replaceAll('words=', 'words_=')}
  esac
  if [[ -n $isValue ]]; then
    if [[ -n $words_ ]]; then compadd -- \${=words_}; else _files; fi
    return
  fi
  _describe 'mintmark' described || _files
}
compdef _mintmark mintmark
`
}

export function fishCompletion(all: readonly Completed[]): string {
  const lines = all.flatMap((one) => {
    const condition = `-n ${quoted(`__mintmark_at "${pathText(one)}"`)}`
    const about = (description: string) => `-d ${quoted(oneLine(description))}`
    return [
      ...one.words.map(
        ({ word, description }) =>
          `complete -c mintmark -f ${condition} -a ${quoted(word)} ${about(description)}`,
      ),
      ...one.options.map(({ word, description, takesValue, choices }) => {
        const value = takesValue ? (choices ? `-x -a ${quoted(choices.join(' '))} ` : '-r ') : ''
        return `complete -c mintmark ${condition} -l ${word.slice(2)} ${value}${about(description)}`
      }),
    ]
  })
  return `# Completes mintmark in fish.
function __mintmark_at
  set -l command ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim -- "$command $word")
    if contains -- "$next" ${fishPaths(all)}
      set command $next
    end
  end
  test "$command" = "$argv[1]"
end
${lines.join('\n')}
`
}

function fishPaths(all: readonly Completed[]): string {
  return all.map((one) => quoted(pathText(one))).join(' ')
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}
