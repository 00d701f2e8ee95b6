/** The two messages of the Workload API that a JWT-SVID takes, in Protocol Buffers. */

export interface JwtSvid {
  readonly spiffeId: string
  readonly token: string
}

/** JWTSVIDRequest: audience = 1, spiffe_id = 2. */
export function encodeRequest(audience: string, spiffeId: string | undefined): Buffer {
  return Buffer.concat([text(1, audience), ...(spiffeId === undefined ? [] : [text(2, spiffeId)])])
}

/**
 * JWTSVIDResponse: svids = 1, each with spiffe_id = 1 and svid = 2.
 * @throws Error where it is no such message
 */
export function decodeResponse(message: Buffer): JwtSvid[] {
  return fieldsOf(message)
    .filter(({ number }) => number === 1)
    .map(({ bytes }) => {
      const fields = fieldsOf(bytes)
      const textOf = (wanted: number) =>
        fields.find(({ number }) => number === wanted)?.bytes.toString() ?? ''
      return { spiffeId: textOf(1), token: textOf(2) }
    })
}

const LENGTH_DELIMITED = 2

function text(number: number, value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([(number << 3) | LENGTH_DELIMITED, ...varint(bytes.length)]), bytes])
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)]
}

interface Field {
  readonly number: number
  readonly bytes: Buffer
}

/** The fields of texts and messages; others are skipped. */
function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = []
  let at = 0
  const readVarint = (): number => {
    for (let value = 0, factor = 1; factor < 2 ** 49; factor *= 0x80) {
      const byte = message[at++]
      if (byte === undefined) break
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    throw new Error('a number is cut off')
  }
  while (at < message.length) {
    const tag = readVarint()
    const type = tag & 7
    if (type === LENGTH_DELIMITED) {
      const end = readVarint() + at
      if (end > message.length) throw new Error('a field is cut off')
      fields.push({ number: Math.floor(tag / 8), bytes: message.subarray(at, end) })
      at = end
    } else if (type === 0) readVarint()
    else if (type === 1) at += 8
    else if (type === 5) at += 4
    else throw new Error('a field is of no known type')
  }
  return fields
}
