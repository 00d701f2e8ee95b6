#!/usr/bin/env node
// Understood by every Node, so that one too old gets the project's own, or a sentence rather than a syntax error.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

// Node strips no types below node_modules: the published package and the image have the program as a bundle instead.
const source = new URL('main.ts', import.meta.url)
const ROOT = new URL('..', import.meta.url).href
const main = existsSync(source) ? source : new URL('../dist/bundle/main.js', import.meta.url)

// What was compiled once is kept beside the code, where that can be written: commands start in half the time.
// Coverage needs it compiled anew.
/* c8 ignore next */
if (!process.env.NODE_V8_COVERAGE) keepCompiledCode()

module.registerHooks?.({ resolve: resolveRelative })

if (Number.parseInt(process.versions.node, 10) >= 24) await import(main.href)
/* c8 ignore next */ else
  runOnNewerNode(fileURLToPath(new URL(`../node_modules/${ownNode()}`, import.meta.url)))

/* c8 ignore start: none of this runs where coverage is taken */
function keepCompiledCode() {
  module.enableCompileCache?.(fileURLToPath(new URL('../node_modules/.cache/mintmark', import.meta.url)))
}

/**
 * A relative import of ours, and of the two packages with hundreds of files, names its file in full. Without a look at the disk
 * for each, a start takes four fifths of the time.
 */
function resolveRelative(specifier, context, next) {
  const { parentURL, conditions } = context
  const isKnown =
    /^\.{1,2}\/.*\.[jt]s$/.test(specifier) &&
    conditions.includes('import') &&
    (/\/node_modules\/(kysely|jose)\/dist\//.test(parentURL) || isOwn(parentURL))
  if (!isKnown) return next(specifier, context)
  const format = specifier.endsWith('.ts') ? 'module-typescript' : 'module'
  return { url: new URL(specifier, parentURL).href, format, shortCircuit: true }
}

function isOwn(url) {
  return url.startsWith(ROOT) && !url.startsWith(`${ROOT}node_modules/`)
}

/** Node for development, as test/support/node-runtime installs it. */
function ownNode() {
  return process.platform === 'win32'
    ? `node-win-${process.arch}/bin/node.exe`
    : `node-${process.platform}-${process.arch}/bin/node`
}

function runOnNewerNode(node) {
  if (!existsSync(node)) {
    console.error(`mintmark: Node 24 or later is needed, and this is Node ${process.versions.node}`)
    process.exitCode = 1
    return
  }
  const child = spawn(node, [...process.execArgv, fileURLToPath(main), ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(name, () => child.kill(name))
  child.on('exit', (code) => {
    process.exitCode = code ?? 1
  })
}
/* c8 ignore stop */
