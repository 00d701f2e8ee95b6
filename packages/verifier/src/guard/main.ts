#!/usr/bin/env node
import { createMultiIssuerVerifier } from '../many-issuers.ts'
import { ConfigurationError, HELP, readConfiguration } from './configuration.ts'
import { DemandError } from './demand.ts'
import { createGuard } from './server.ts'
import { removeStaleSocket } from './stale-socket.ts'

const [command, ...args] = process.argv.slice(2)

function log(message: string, members: Record<string, unknown> = {}): void {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), msg: message, ...members })}\n`)
}

if (command !== 'guard' || args.includes('--help')) {
  process.stdout.write(HELP)
  process.exitCode = command === 'guard' || command === '--help' || command === undefined ? 0 : 2
} else {
  try {
    await start()
  } catch (error) {
    // Options are the operator's; anything else is a fault of the program.
    const told =
      error instanceof ConfigurationError || error instanceof DemandError || error instanceof TypeError
    if (!told) throw error
    process.stderr.write(`mintmark-verifier: ${error.message}\n`)
    process.exitCode = 2
  }
}

async function start(): Promise<void> {
  const { listen, issuers, routes } = readConfiguration(args)
  const verifier = createMultiIssuerVerifier(issuers)
  const server = createGuard({ verifier, routes, log })
  server.once('error', (error: Error) => {
    log(`the guard cannot listen: ${error.message}`)
    process.exitCode = 1
  })
  await removeStaleSocket(listen)
  server.listen(listen, () => {
    log('listening', { address: server.address(), issuers: verifier.issuers })
    // Keys are there before the first request; if not, the first request asks again.
    verifier
      .ready()
      .catch((error: Error) => log('the keys of an issuer cannot be had yet', { reason: error.message }))
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      server.close()
      server.closeIdleConnections()
    })
}
