import { readFileSync } from 'node:fs'

// Preloaded into a server or a command: its clock is off by CLOCK_SHIFT milliseconds, and from a SIGUSR2 on by as many as
// the file CLOCK_SHIFT_FILE says.
const RealDate = Date
let shift = Number(process.env.CLOCK_SHIFT ?? 0)
process.on('SIGUSR2', () => {
  shift = Number(readFileSync(process.env.CLOCK_SHIFT_FILE, 'utf8'))
})

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + shift)
    else super(...args)
  }

  static now() {
    return RealDate.now() + shift
  }
}
