import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

// Floor 2: signatures alone, over as many bytes as a token has, in the fastest form that Node offers: the key on its
// own, without an object of options around it. Prints the microseconds of CPU each takes.
const [algorithm = 'ES256', seconds = '3'] = process.argv.slice(2)
const data = randomBytes(450)
const key = generateKey(algorithm)
const digest = algorithm === 'EdDSA' ? null : 'sha256'
const signOnce = () => sign(digest, data, key)

for (let i = 0; i < 2000; i++) signOnce()
const before = process.cpuUsage()
const end = performance.now() + Number(seconds) * 1000
let signatures = 0
for (; performance.now() < end; signatures += 100) for (let i = 0; i < 100; i++) signOnce()
const { user, system } = process.cpuUsage(before)
console.log(`RESULT ${(user + system) / signatures}`)

function generateKey(name: string): KeyObject {
  if (name === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  if (name === 'EdDSA') return generateKeyPairSync('ed25519').privateKey
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
}
