const MINUTE = 60_000

/** Minutes that count, the current one included. */
const MINUTES = 5

/** The largest of the values noted in the last five minutes. Reading it changes nothing. */
export class RecentMaximum {
  /** By minute since the epoch. */
  readonly #maxima = new Map<number, number>()

  note(value: number, now: Date): void {
    const minute = minuteOf(now)
    const known = this.#maxima.get(minute)
    if (known !== undefined && known >= value) return
    this.#maxima.set(minute, value)
    if (this.#maxima.size > MINUTES) this.#forget(minute)
  }

  /** `undefined`: no value was noted in that time. */
  at(now: Date): number | undefined {
    this.#forget(minuteOf(now))
    return this.#maxima.size === 0 ? undefined : Math.max(...this.#maxima.values())
  }

  /** Minutes of the future go too: the clock was set back. */
  #forget(minute: number): void {
    for (const noted of this.#maxima.keys())
      if (noted <= minute - MINUTES || noted > minute) this.#maxima.delete(noted)
  }
}

function minuteOf(date: Date): number {
  return Math.floor(date.getTime() / MINUTE)
}
