import cluster from 'node:cluster'
import { AggregatorRegistry } from 'prom-client'

const ASK = 'mintmark:metrics'
const ASK_MILLISECONDS = 6000

/** Lets workers ask the first process for the metrics of all workers. */
export function answerWorkersMetrics(): void {
  const aggregator = new AggregatorRegistry()
  cluster.on('message', (worker, message: { type?: unknown; id?: unknown }) => {
    if (message?.type !== ASK) return
    aggregator.clusterMetrics().then(
      (text) => worker.send({ type: ASK, id: message.id, text }),
      () => {},
    )
  })
}

let asked = 0

/** The metrics of all workers, from the first process. */
export function askPrimary(): Promise<string> {
  const id = asked++
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => done(() => reject(new Error('the first process does not answer'))),
      ASK_MILLISECONDS,
    )
    const listen = (message: { type?: unknown; id?: unknown; text?: string }) => {
      if (message.type === ASK && message.id === id) done(() => resolve(message.text ?? ''))
    }
    const done = (settle: () => void) => {
      clearTimeout(timer)
      process.off('message', listen)
      settle()
    }
    process.on('message', listen)
    process.send?.({ type: ASK, id })
  })
}
