import { Transform, type TransformCallback } from 'node:stream'
import { Parser, type Result } from 'tap-parser'

/** Tells failures as they happen, each with its place, and closes with `N passed, N failed` alone on its line. */
export default class Reporter extends Transform {
  #parser = new Parser()
  #passed = 0
  #failed = 0
  #skipped = 0

  constructor() {
    super()
    this.#watch(this.#parser, [])
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#parser.write(chunk)
    done()
  }

  override _flush(done: TransformCallback): void {
    this.#parser.end()
    const failed = this.#parser.ok ? this.#failed : Math.max(1, this.#failed)
    const skipped = this.#skipped > 0 ? `, ${this.#skipped} skipped` : ''
    this.push(`\n${this.#passed} passed, ${failed} failed${skipped}\n`)
    done()
  }

  #watch(parser: Parser, path: readonly string[]): void {
    let failedBefore = 0
    let children = 0
    parser.on('child', (child: Parser) => {
      children++
      failedBefore = this.#failed
      this.#watch(child, [...path, child.name])
    })
    parser.on('assert', (result: Result) => {
      const isSubtest = children > 0
      if (isSubtest) children--
      // A subtest is told by its own assertions, unless it failed without one.
      if (isSubtest && (result.ok || this.#failed > failedBefore)) return
      this.#tell(result, path)
    })
    parser.on('bailout', (reason: string) => void this.push(`Bail out! ${reason}\n`))
  }

  #tell(result: Result, path: readonly string[]): void {
    if (result.skip || result.todo) this.#skipped++
    else if (result.ok) this.#passed++
    else {
      this.#failed++
      const place = [...path, result.name].filter(Boolean).join(' › ')
      this.push(`✗ ${place}\n${JSON.stringify(result.diag ?? {}, undefined, 2)}\n`)
    }
  }
}
