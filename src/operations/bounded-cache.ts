import { LRUCache } from 'lru-cache'

/** A cache of `most` entries; the least recently used go first. A bound by `max` would reserve memory for all of them at once. */
export function boundedCache<
  Value extends object | string | number | true,
  Key extends object | string = string,
>(most: number) {
  return new LRUCache<Key, Value>({ maxSize: most, sizeCalculation: () => 1 })
}
