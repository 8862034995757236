/** A map for free keys: without a prototype, `constructor` and `__proto__` are keys like any other. */
export function emptyMap<Value>(): Record<string, Value> {
  return Object.create(null) as Record<string, Value>;
}

/** A map of these entries; of a repeated key the last value counts. */
export function mapFrom<Value>(entries: Iterable<readonly [string, Value]>): Record<string, Value> {
  const map = emptyMap<Value>();
  for (const [key, value] of entries) map[key] = value;
  return map;
}
