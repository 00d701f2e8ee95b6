/**
 * Runs a call of node:crypto with a key in an object of options. Node finds out what such an object is by errors that it throws
 * and catches itself; the traces of their stacks would take as long as the import of the key.
 */
export function withoutTraces<T>(call: () => T): T {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return call()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}
