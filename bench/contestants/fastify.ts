import formbody from '@fastify/formbody'
import { fastify } from 'fastify'

// Floor 1: the same bytes for the same form, and for a GET the same document; no work, and no log unless asked for.
const [token = '', document = '', log = ''] = process.argv.slice(2)
const app = fastify({ logger: log !== '' })
await app.register(formbody)
app.post('/*', (_request, reply) => {
  reply
    .header('content-type', 'application/json; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('pragma', 'no-cache')
    .send(token)
})
app.get('/*', (_request, reply) => {
  reply
    .header('content-type', 'application/json; charset=utf-8')
    .header('access-control-allow-origin', '*')
    .header('cache-control', 'public, max-age=300')
    .header('etag', '"0123456789012345678901"')
    .send(document)
})
console.log(`listening on ${await app.listen({ host: '127.0.0.1', port: 0 })}`)
