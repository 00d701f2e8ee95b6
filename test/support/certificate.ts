import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'

/** Why no certificate can be made here; `false` where it can. For `t.test(name, { skip })`. */
export function noCertificate(): string | false {
  return spawnSync('openssl', ['version']).status !== 0 && 'not here: openssl'
}

/** Writes tls.crt and tls.key for `localhost`, and tls.pem with both. Returns the certificate. */
export function writeCertificate(folder: string): Buffer {
  const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const files = ['-keyout', join(folder, 'tls.key'), '-out', join(folder, 'tls.crt')]
  execFileSync('openssl', ['req', '-x509', ...options, ...names, ...files], { stdio: 'ignore' })
  const [certificate, key] = ['tls.crt', 'tls.key'].map((file) => readFileSync(join(folder, file)))
  writeFileSync(join(folder, 'tls.pem'), Buffer.concat([certificate as Buffer, key as Buffer]))
  return certificate as Buffer
}

/** Whether something listens on a port of this machine. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket
      .once('error', () => resolve(false))
      .once('connect', () => {
        socket.destroy()
        resolve(true)
      })
  })
}
