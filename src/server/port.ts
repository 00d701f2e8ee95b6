import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { type Config, ConfigError } from '../config.ts'

/**
 * Finds a port for PORT=0, or checks that the given one is free: before anything is created, and once for all workers.
 * @throws ConfigError for a HOST that does not resolve; else the error of `listen`
 */
export async function settlePort(config: Config): Promise<Config> {
  const probe = createServer().listen(config.port, config.host)
  await once(probe, 'listening').catch((error: NodeJS.ErrnoException) => {
    if (error.syscall !== 'getaddrinfo') throw error
    throw new ConfigError([
      `HOST ${config.host} does not resolve (${error.code}): use an address or a known name`,
    ])
  })
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return { ...config, port, publicUrl: config.publicUrl.replace(/^(http:\/\/localhost):0$/, `$1:${port}`) }
}
