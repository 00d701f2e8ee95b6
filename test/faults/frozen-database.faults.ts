import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { postmasterOf, until } from '../support/embedded.ts'
import { startServer, temporaryFolder } from '../support/process.ts'

// A database that neither answers nor goes away: what a stalled disk or a lost network looks like.
t.test(
  'while its database hangs, every request is answered within two seconds, and then it serves again',
  async (t) => {
    const DATA_DIR = temporaryFolder(t)
    const { url, output } = await startServer(t, { DATA_DIR })
    const [, form] = /-d @'(.+)'\n/.exec(output().stdout) ?? []
    const body = new URLSearchParams(readFileSync(form as string, 'utf8'))
    const realm = `${url}/realms/demo`
    const ask = async () => {
      const start = performance.now()
      const answer = await fetch(`${realm}/protocol/openid-connect/token`, { method: 'POST', body })
      return {
        status: answer.status,
        headers: answer.headers,
        body: await answer.json(),
        ms: performance.now() - start,
      }
    }
    t.equal((await ask()).status, 200)

    const postmaster = await postmasterOf(DATA_DIR)
    const family = () => [postmaster, ...childrenOf(postmaster)]
    for (const pid of family()) process.kill(pid, 'SIGSTOP')
    try {
      const answers = []
      // What a busy machine adds, which is not the server's doing.
      let lag = 0
      // They keep coming, so that some wait for others.
      for (let i = 0; i < 80; i++) {
        answers.push(ask())
        const before = performance.now()
        await sleep(50)
        lag = Math.max(lag, performance.now() - before - 50)
      }
      for (const { status, headers, body, ms } of await Promise.all(answers)) {
        if (status === 503 && ms < 2000 + lag && headers.get('retry-after') === '1') continue
        t.fail(`${status} after ${ms} ms, lag ${lag}: ${JSON.stringify(body)}`)
      }
      for (const path of ['/protocol/openid-connect/certs', '/.well-known/openid-configuration'])
        t.equal((await fetch(realm + path)).status, 200)
      t.equal((await fetch(`${url}/health/live`)).status, 200)
      t.equal((await fetch(`${url}/health/ready`)).status, 503)
    } finally {
      for (const pid of family()) process.kill(pid, 'SIGCONT')
    }
    await until(async () => (await ask()).status === 200)
    t.equal((await fetch(`${url}/health/ready`)).status, 200)
  },
)

function childrenOf(pid: number): number[] {
  return execFileSync('ps', ['-o', 'pid=', '--ppid', `${pid}`], { encoding: 'utf8' })
    .trim()
    .split(/\s+/)
    .map(Number)
}
