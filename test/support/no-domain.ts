/** Stands for the class of async-hook-domain in a suite, and watches nothing. */
export class Domain {
  readonly onerror: (error: unknown) => void
  readonly parent = undefined
  destroyed = false

  constructor(onerror: (error: unknown) => void) {
    this.onerror = onerror
  }

  destroy(): void {
    this.destroyed = true
  }
}
