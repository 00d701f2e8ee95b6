import type { Readable, Writable } from 'node:stream'
import type { ReadStream } from 'node:tty'
import { Refusal } from '../domain/refusal.ts'

const [INTERRUPT, END, BACKSPACE, DELETE] = ['\u0003', '\u0004', '\b', '\u007f']

/** Reads what a person types at a terminal, without showing it. @throws Refusal if they give up */
export async function readHidden(
  question: string,
  { stdin, stderr }: { readonly stdin: Readable; readonly stderr: Writable },
): Promise<string> {
  const keyboard = stdin as ReadStream
  // Before the question: what is typed at once would be shown.
  keyboard.setRawMode(true)
  stderr.write(question)
  try {
    return await readLine(keyboard)
  } finally {
    keyboard.setRawMode(false)
    keyboard.pause()
    stderr.write('\n')
  }
}

async function readLine(keyboard: ReadStream): Promise<string> {
  const typed: string[] = []
  keyboard.setEncoding('utf8')
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const take = (keys: string) => {
    for (const key of keys) {
      if (key === '\r' || key === '\n' || key === END) return resolve(typed.join(''))
      if (key === INTERRUPT) return reject(new Refusal('invalid', 'Nothing was done.'))
      if (key === BACKSPACE || key === DELETE) typed.pop()
      else typed.push(key)
    }
  }
  const end = () => resolve(typed.join(''))
  keyboard.on('data', take).once('end', end)
  return promise.finally(() => keyboard.off('data', take).off('end', end))
}
