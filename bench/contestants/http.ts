import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

// Floor: the cost of a request and an empty answer in Node itself.
const server = createServer((_request, response) => response.end())
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
