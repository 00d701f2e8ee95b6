/** A control of a form, as a browser sees it. */
export interface Control {
  readonly kind: string
  readonly name: string
  readonly value: string
  /** Values of a list. */
  readonly options: readonly string[]
  readonly isChosen: boolean
}

const CONTROL = /<(input)\b([^>]*)>|<(textarea|select)\b([^>]*)>([\s\S]*?)<\/\3>/g

function unescaped(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
}

function attributeOf(tag: string, name: string): string | undefined {
  const [, value] = new RegExp(`\\s${name}="([^"]*)"`).exec(tag) ?? []
  return value === undefined ? undefined : unescaped(value)
}

/** Addresses that the forms of a page are posted to. */
export function formsOf(body: string): string[] {
  const actions = [...body.matchAll(/<form method="post" action="([^"]*)"/g)]
  return [...new Set(actions.map(([, action = '']) => unescaped(action)))]
}

/** Controls of the first form that is posted to an address. */
export function controlsOf(body: string, action: string): Control[] {
  const forms = [...body.matchAll(/<form method="post" action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g)]
  const [, , text = ''] = forms.find(([, to = '']) => unescaped(to) === action) ?? []
  return [...text.matchAll(CONTROL)].map(([, input, inputTag, other = '', tag = '', inner = '']) =>
    controlOf(input ?? other, inputTag ?? tag, inner),
  )
}

function controlOf(element: string, tag: string, inner: string): Control {
  const name = attributeOf(tag, 'name') ?? ''
  const own = { name, options: [], isChosen: false }
  if (element === 'textarea') return { ...own, kind: element, value: unescaped(inner.replace(/^\n/, '')) }
  if (element === 'input') {
    const isChosen = /\schecked/.test(tag)
    return {
      ...own,
      kind: attributeOf(tag, 'type') ?? 'text',
      value: attributeOf(tag, 'value') ?? '',
      isChosen,
    }
  }
  const options = [...inner.matchAll(/<option value="([^"]*)"( selected)?>/g)]
  const values = options.map(([, value = '']) => unescaped(value))
  const chosen = options.findIndex(([, , selected]) => selected !== undefined)
  return { ...own, kind: element, value: values[Math.max(chosen, 0)] ?? '', options: values }
}
