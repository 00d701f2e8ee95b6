/** Converts a P-256 signature from OpenSSL's DER to R and S of 32 bytes each (RFC 7518 section 3.4). */
export function toConcatenated(der: Buffer): Buffer {
  const signature = Buffer.alloc(64)
  // A sequence of two integers, each shorter than 128 bytes: tag, length, value.
  const endOfR = 4 + (der[3] as number)
  // Drops the zero byte that keeps an integer positive, and restores the zeros that DER drops.
  const r = Math.max(4, endOfR - 32)
  const s = Math.max(endOfR + 2, der.length - 32)
  der.copy(signature, 32 - (endOfR - r), r, endOfR)
  der.copy(signature, 64 - (der.length - s), s)
  return signature
}

/** R and S of the same length each (RFC 7518 section 3.4) as OpenSSL takes them: a sequence of two integers. */
export function toDer(signature: Buffer): Buffer {
  const half = signature.length / 2
  const r = integer(signature.subarray(0, half))
  const s = integer(signature.subarray(half))
  return Buffer.concat([Buffer.from([0x30, r.length + s.length]), r, s])
}

/** Without the zeros before it, and with one where it would be negative. */
function integer(bytes: Buffer): Buffer {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const isNegative = (bytes[start] as number) >= 0x80
  const length = bytes.length - start + (isNegative ? 1 : 0)
  const der = Buffer.alloc(2 + length)
  der[0] = 0x02
  der[1] = length
  bytes.copy(der, 2 + (isNegative ? 1 : 0), start)
  return der
}
