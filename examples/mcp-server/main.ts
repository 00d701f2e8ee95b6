import { createApp } from './app.ts'

const { ISSUER = 'http://localhost:8080/realms/demo', RESOURCE = 'http://localhost:3000/mcp' } = process.env
createApp({ issuer: ISSUER, resource: RESOURCE }).listen(Number(new URL(RESOURCE).port || 3000))
process.stdout.write(`MCP server for ${ISSUER} at ${RESOURCE}\n`)
