/** A number of places that are taken for a while. */
export type Places = {
  /** Takes a place and returns how it is given back, once; undefined where there is none. */
  readonly enter: (tenantId: string) => (() => void) | undefined;
  readonly taken: () => number;
};

/** No tenant has more than half of them, so that none can keep the others out. */
export function createPlaces(most: number): Places {
  const held = new Map<string, number>();
  const half = Math.ceil(most / 2);
  let taken = 0;

  function enter(tenantId: string): (() => void) | undefined {
    const own = held.get(tenantId) ?? 0;
    if (taken >= most || own >= half) return undefined;
    taken += 1;
    held.set(tenantId, own + 1);
    return () => {
      taken -= 1;
      const left = (held.get(tenantId) ?? 0) - 1;
      if (left === 0) held.delete(tenantId);
      else held.set(tenantId, left);
    };
  }

  return { enter, taken: () => taken };
}
