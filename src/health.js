// Asks the server of this container: node src/health.js live|ready. For HEALTHCHECK, so without the program's own start.
const { HOST = '127.0.0.1', PORT = '8080' } = process.env
const ANY = { '0.0.0.0': '127.0.0.1', '::': '::1' }
const bare = HOST.replace(/^\[(.+)\]$/, '$1') || '127.0.0.1'
const host = ANY[bare] ?? bare
const url = `http://${host.includes(':') ? `[${host}]` : host}:${PORT || '8080'}/health/${process.argv[2] ?? 'live'}`

const isGood = await fetch(url).then(
  ({ ok }) => ok,
  () => false,
)
process.exit(isGood ? 0 : 1)
