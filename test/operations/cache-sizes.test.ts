import { totalmem } from 'node:os'
import t from 'tap'
import { cacheSizes } from '../../src/operations/cache-sizes.ts'
import { memoryOfProcess } from '../../src/server/memory.ts'

const MEGABYTE = 1024 * 1024

/** As the docstring of each has it. */
const bytesOf = (sizes: ReturnType<typeof cacheSizes>) =>
  sizes.realmBytes +
  sizes.clientKeys * 3000 +
  sizes.verificationKeys * 5000 +
  sizes.verifiedTokenBytes +
  sizes.statusListBytes

t.test('the caches fit into the memory of the process', async (t) => {
  const whole = cacheSizes()
  for (const megabytes of [64, 128, 256, 512, 1024, 4096]) {
    const sizes = cacheSizes(megabytes * MEGABYTE)
    const kept = bytesOf(sizes) / MEGABYTE
    t.ok(kept <= Math.max(8, (megabytes - 150) / 2), `${kept} MB of ${megabytes}`)
    for (const [name, size] of Object.entries(sizes)) {
      t.ok(Number.isInteger(size) && size > 0, `${name} ${size}`)
      t.ok(size <= whole[name as keyof typeof whole], name)
    }
  }
  t.same(cacheSizes(4096 * MEGABYTE), whole)
})

t.test('workers and the process that started them share the limit of the container', async (t) => {
  t.equal(memoryOfProcess(1, 256 * MEGABYTE), 256 * MEGABYTE)
  t.equal(memoryOfProcess(3, 256 * MEGABYTE), 64 * MEGABYTE)
})

t.test('without a limit the memory of the machine counts', async (t) => {
  for (const none of [0, 2 ** 64]) t.equal(memoryOfProcess(1, none), totalmem())
})
