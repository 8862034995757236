import { compare, ZERO, type Decimal } from "../../decimal/decimal.ts";
import { add, multiply, shareBelow, subtract } from "../../decimal/exact.ts";

/** A limit on the sum of the weights of its members, given by their places; not below zero. */
export type FillLimit = { readonly members: readonly number[]; readonly room: Decimal };

/** A limit while weights grow. It is reached when the others have grown to `room` ÷ `growing` of their start weights. */
type OpenLimit = {
  readonly members: readonly number[];
  /** What its members that have not stopped may weigh together. */
  room: Decimal;
  /** What these weigh at the start. */
  growing: Decimal;
  /** How many of them there are. */
  count: number;
};

/**
 * Lets weights grow together from zero, in proportion to their start weights, which are above zero. Each stops when it
 * is at the limit of single weights, or when a limit that it is in is reached. Ends when all have stopped. Weights are
 * rounded towards zero, so no limit is passed.
 *
 * A limit is reached later and later as its members stop at others, so a heap whose top is brought up to date when it
 * is looked at finds the next one: the work is that of sorting, and one step for each member of each limit.
 */
export function fill(
  start: readonly Decimal[],
  limits: readonly FillLimit[],
  single: Decimal | null,
): Decimal[] {
  if (areAllMet(start, limits, single)) return [...start];
  const weights = start.map(() => ZERO);
  const isStopped = start.map(() => false);
  const open = limits.map(({ members, room }): OpenLimit => ({
    members,
    room,
    growing: sumAt(start, members),
    count: members.length,
  }));
  const limitsOf: OpenLimit[][] = start.map(() => []);
  for (const limit of open) for (const member of limit.members) limitsOf[member]?.push(limit);
  const heap = heapOf(open.filter(({ count }) => count > 0));
  const heaviestFirst =
    single === null ? [] : [...start.keys()].sort((a, b) => compare(at(start, b), at(start, a)));
  const stop = (place: number, weight: Decimal): void => {
    weights[place] = weight;
    isStopped[place] = true;
    for (const limit of limitsOf[place] ?? []) {
      limit.room = subtract(limit.room, weight);
      limit.growing = subtract(limit.growing, at(start, place));
      limit.count -= 1;
    }
  };
  let nextSingle = 0;
  for (;;) {
    const reached = firstReached(heap);
    const place = heaviestFirst[nextSingle];
    if (single !== null && place !== undefined && isSingleFirst(single, at(start, place), reached)) {
      if (isStopped[place] === false) stop(place, single);
      nextSingle += 1;
    } else if (reached === undefined) {
      return weights;
    } else {
      stopMembers(reached, start, isStopped, stop);
    }
  }
}

/** Whether the start weights hold every limit; then, as all of them are wanted, they are the answer. */
function areAllMet(start: readonly Decimal[], limits: readonly FillLimit[], single: Decimal | null): boolean {
  if (single !== null && start.some((weight) => compare(weight, single) > 0)) return false;
  return limits.every(({ members, room }) => compare(sumAt(start, members), room) <= 0);
}

/** Stops what still grows in a limit that is reached. */
function stopMembers(
  { growing, members, room }: OpenLimit,
  start: readonly Decimal[],
  isStopped: readonly boolean[],
  stop: (place: number, weight: Decimal) => void,
): void {
  const isWhole = compare(room, growing) === 0;
  for (const place of members) {
    if (isStopped[place] !== false) continue;
    const weight = at(start, place);
    stop(place, isWhole ? weight : shareBelow(weight, room, growing));
  }
}

/** Whether a weight comes to the limit of single weights before the limit that is reached next, or together with it. */
function isSingleFirst(single: Decimal, weight: Decimal, reached: OpenLimit | undefined): boolean {
  if (reached === undefined) return true;
  return compare(multiply(single, reached.growing), multiply(reached.room, weight)) < 0;
}

function at(values: readonly Decimal[], index: number): Decimal {
  return values[index] ?? ZERO;
}

function sumAt(values: readonly Decimal[], places: readonly number[]): Decimal {
  return places.reduce((total, place) => add(total, at(values, place)), ZERO);
}

/** The first of these is the next to be reached, as far as it is known: keys only grow. */
type Heap = { readonly items: OpenLimit[]; readonly keys: Key[] };
type Key = { room: Decimal; growing: Decimal; count: number };

function heapOf(limits: readonly OpenLimit[]): Heap {
  const heap: Heap = { items: [...limits], keys: limits.map(keyOf) };
  for (let index = Math.floor(limits.length / 2) - 1; index >= 0; index -= 1) sink(heap, index);
  return heap;
}

function keyOf({ count, growing, room }: OpenLimit): Key {
  return { count, growing, room };
}

/** Undefined when no limit has members that still grow. */
function firstReached(heap: Heap): OpenLimit | undefined {
  const { items, keys } = heap;
  for (;;) {
    const [first] = items;
    const [key] = keys;
    if (first === undefined || key === undefined) return undefined;
    if (key.count === first.count) return first;
    if (first.count === 0) dropFirst(heap);
    else keys[0] = keyOf(first);
    sink(heap, 0);
  }
}

function dropFirst({ items, keys }: Heap): void {
  const [last, lastKey] = [items.pop(), keys.pop()];
  if (items.length === 0 || last === undefined || lastKey === undefined) return;
  items[0] = last;
  keys[0] = lastKey;
}

function sink({ items, keys }: Heap, from: number): void {
  const [item, key] = [items[from], keys[from]];
  if (item === undefined || key === undefined) return;
  let place = from;
  for (;;) {
    const left = 2 * place + 1;
    const child = isEarlier(keys[left + 1], keys[left]) ? left + 1 : left;
    const [below, belowKey] = [items[child], keys[child]];
    if (below === undefined || belowKey === undefined || !isEarlier(belowKey, key)) break;
    items[place] = below;
    keys[place] = belowKey;
    place = child;
  }
  items[place] = item;
  keys[place] = key;
}

/** room ÷ growing of the one is less than that of the other. */
function isEarlier(a: Key | undefined, b: Key | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return compare(multiply(a.room, b.growing), multiply(b.room, a.growing)) < 0;
}
