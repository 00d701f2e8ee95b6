import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

// What Node itself takes for a request and an empty answer.
const server = createServer((_request, response) => response.end())
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
