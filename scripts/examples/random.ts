/** Seeded randomness (mulberry32): the same seed gives the same examples on every machine. */
export type SeededRandom = {
  /** A whole number in [from, to). */
  readonly between: (from: number, to: number) => number;
  readonly pick: <T>(items: readonly T[]) => T;
  /** Some of the items, in their order. */
  readonly some: <T>(items: readonly T[]) => T[];
};

export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (from: number, to: number) => from + Math.floor(next() * (to - from));
  return {
    between,
    pick(items) {
      const item = items[between(0, items.length)];
      if (item === undefined) throw new RangeError("nothing to pick from");
      return item;
    },
    some: (items) => items.filter(() => next() < 0.4),
  };
}
