import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const missing = [
  ...(spawnSync('nginx', ['-v']).status === 0 ? [] : ['nginx']),
  ...(existsSync('/usr/lib/nginx/modules/ngx_http_js_module.so') ? [] : ['njs (libnginx-mod-http-js)']),
]
if (missing.length > 0) {
  process.stderr.write(
    `This test needs ${missing.join(' and ')}: apt-get install nginx libnginx-mod-http-js\n`,
  )
  process.exitCode = 1
}
