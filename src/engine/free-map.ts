/**
 * A result's map with free keys. It has no prototype, so that a key like `__proto__` is one like any other.
 */
export function freeMap<Value>(entries: Iterable<readonly [string, Value]>): Record<string, Value> {
  const map = Object.create(null) as Record<string, Value>;
  for (const [key, value] of entries) map[key] = value;
  return map;
}
