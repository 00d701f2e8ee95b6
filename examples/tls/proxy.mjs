import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:https'
import { pipeline } from 'node:stream'

const mintmark = process.env.MINTMARK_URL ?? 'http://127.0.0.1:8080'
createServer({ cert: readFileSync('tls.crt'), key: readFileSync('tls.key') }, (received, response) => {
  const { method, url: path, rawHeaders, socket } = received
  const headers = rawHeaders.concat('X-Forwarded-For', socket.remoteAddress, 'X-Forwarded-Proto', 'https')
  const sent = request(mintmark, { method, path, headers })
  sent.on('response', (a) => pipeline(a, response.writeHead(a.statusCode, a.rawHeaders), () => {}))
  pipeline(received, sent, (error) => error && response.destroy())
}).listen(Number(process.env.PORT ?? 8443), '127.0.0.1')
