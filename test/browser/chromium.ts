import { accessSync, constants } from 'node:fs'
import { pathToFileURL } from 'node:url'

/** A Chromium that is installed already: nothing is downloaded. CHROMIUM_PATH names one that is elsewhere. */
export function findChromium(): string | undefined {
  const asked = process.env['CHROMIUM_PATH']
  const candidates = asked
    ? [asked]
    : [
        '/usr/bin/chromium',
        '/usr/bin/chromium-browser',
        '/usr/bin/google-chrome',
        '/usr/bin/google-chrome-stable',
      ]
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href && findChromium() === undefined) {
  const asked = process.env['CHROMIUM_PATH']
  console.error(
    asked
      ? `The browser tests need Chromium, and CHROMIUM_PATH=${asked} cannot be run.`
      : 'The browser tests need Chromium, and there is none in /usr/bin. On Debian: apt-get install chromium. ' +
          'One that is elsewhere is named by CHROMIUM_PATH.',
  )
  process.exit(1)
}
