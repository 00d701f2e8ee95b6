/** Marks a change that affects no decision of nodes that read a standby: it does not wait for them. */
export const READERS_MAY_LAG = { readersMayLag: true }

type Wait = () => Promise<void>

const waits = new WeakMap<object, Wait>()

/** Changes by this pool are answered after this wait, which begins once they are committed. */
export function setWaitForReaders(db: object, wait: Wait): void {
  waits.set(db, wait)
}

/** A transaction is a part of a larger one, which waits itself. */
export async function waitForReaders(db: object): Promise<void> {
  await waits.get(db)?.()
}
