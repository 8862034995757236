/** More pointers than this tell a reader nothing new. */
const MOST_DIFFERENCES = 100;

/** The JSON pointers (RFC 6901) at which two documents differ, in document order, at most 100. */
export function jsonDifferences(before: unknown, after: unknown): string[] {
  const found: string[] = [];
  collect(before, after, "", found);
  return found;
}

function collect(before: unknown, after: unknown, pointer: string, found: string[]): void {
  if (before === after || found.length >= MOST_DIFFERENCES) return;
  if (!isContainer(before) || !isContainer(after) || Array.isArray(before) !== Array.isArray(after)) {
    found.push(pointer);
    return;
  }
  const left = new Map(Object.entries(before));
  const right = new Map(Object.entries(after));
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    const token = key.replaceAll("~", "~0").replaceAll("/", "~1");
    collect(left.get(key), right.get(key), `${pointer}/${token}`, found);
  }
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
