import performance, { PerformanceObserver } from 'node:perf_hooks'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { buildServer } from '../../src/server/build-server.ts'
import { PUBLIC_URL, testServer } from '../support/server.ts'

/** Counts observers and delay monitors of this process from now on. */
function watchObservers(t: Test): () => { observers: number; monitors: number } {
  const { observe, disconnect } = PerformanceObserver.prototype
  const { monitorEventLoopDelay } = performance
  const observing = new Set<PerformanceObserver>()
  let monitors = 0
  PerformanceObserver.prototype.observe = function (this: PerformanceObserver, ...args) {
    observing.add(this)
    return observe.apply(this, args)
  }
  PerformanceObserver.prototype.disconnect = function (this: PerformanceObserver) {
    observing.delete(this)
    return disconnect.apply(this)
  }
  performance.monitorEventLoopDelay = (options) => {
    monitors++
    return monitorEventLoopDelay(options)
  }
  t.teardown(() => {
    Object.assign(PerformanceObserver.prototype, { observe, disconnect })
    performance.monitorEventLoopDelay = monitorEventLoopDelay
  })
  return () => ({ observers: observing.size, monitors })
}

/** Listeners of the process, by event. */
function listeners(): Record<string, number> {
  return Object.fromEntries(process.eventNames().map((name) => [String(name), process.listenerCount(name)]))
}

t.test('a process that builds and closes many servers keeps nothing of them', async (t) => {
  const { operations } = await testServer(t)
  const counted = watchObservers(t)
  const logger = pino({ level: 'silent' })
  const options = { logger, trustProxy: 0, areMetricsOpenLocally: true, publicUrl: PUBLIC_URL } as const
  const useOne = async () => {
    const { app, close } = await buildServer(operations, options)
    const { statusCode } = await app.inject('/metrics')
    await close()
    return statusCode
  }
  const held = () => ({ ...counted(), listeners: listeners() })
  // What a process has once is there after the first.
  t.equal(await useOne(), 200)
  const before = held()
  for (let n = 0; n < 5; n++) t.equal(await useOne(), 200)
  t.same(held(), before)
})
