import { readFileSync } from 'node:fs'

// Preloaded into a server: its clock is off by so many milliseconds as the file CLOCK_SHIFT_FILE says, read anew at SIGUSR2.
const RealDate = Date
let shift = 0
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
