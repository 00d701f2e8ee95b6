import { createApp } from './app.ts'

const { ISSUER = 'http://localhost:8080/realms/demo', AUDIENCE = ISSUER, PORT = '3000' } = process.env
const app = await createApp({ issuer: ISSUER, audience: AUDIENCE })
const address = await app.listen({ port: Number(PORT) })
process.stdout.write(`Devices of ${ISSUER} at ${address}/api/v1/devices\n`)
