import { spawnSync } from 'node:child_process'

const missing = ['nginx', 'haproxy'].filter((program) => spawnSync(program, ['-v']).status !== 0)
if (missing.length > 0) {
  process.stderr.write(`This test needs ${missing.join(' and ')}: apt-get install nginx-light haproxy\n`)
  process.exitCode = 1
}
