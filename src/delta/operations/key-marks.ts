import { hashOf } from "./key-set.ts";

/** A number for each of many keys, 0 unless it was set; 24 to 48 bytes a key, as sure as a `KeySet`. */
export type KeyMarks = {
  get(key: string): number;
  /** `mark` is a whole number below 2^31. */
  set(key: string, mark: number): void;
};

/** No marks. */
export function createKeyMarks(): KeyMarks {
  let hashes = new Float64Array(64);
  let marks = new Int32Array(64);
  let size = 0;
  const place = (table: Float64Array, hash: number): number => {
    let at = hash % table.length;
    while (table[at] !== 0 && table[at] !== hash) at = at + 1 === table.length ? 0 : at + 1;
    return at;
  };
  const grow = (): void => {
    const [more, moreMarks] = [new Float64Array(hashes.length * 2), new Int32Array(size * 4)];
    for (const [at, hash] of hashes.entries()) {
      if (hash === 0) continue;
      const to = place(more, hash);
      more[to] = hash;
      moreMarks[to] = marks[at]!;
    }
    [hashes, marks] = [more, moreMarks];
  };
  return {
    get: (key) => marks[place(hashes, hashOf(key))]!,
    set(key, mark) {
      const hash = hashOf(key);
      const at = place(hashes, hash);
      marks[at] = mark;
      if (hashes[at] === hash) return;
      hashes[at] = hash;
      size += 1;
      if (size * 2 === hashes.length) grow();
    },
  };
}
