/**
 * A set of object keys that takes 16 to 32 bytes a key, so that the files of a huge table fit. It may
 * say of a key that it has it although it has not (once in 2^53 pairs), never the other way round:
 * right for asking what must be kept.
 */
export type KeySet = {
  add(key: string): void;
  has(key: string): boolean;
  readonly size: number;
};

/** An empty set. */
export function createKeySet(): KeySet {
  let slots = new Float64Array(1024);
  let size = 0;
  const place = (table: Float64Array, hash: number): number => {
    let at = hash % table.length;
    while (table[at] !== 0 && table[at] !== hash) at = at + 1 === table.length ? 0 : at + 1;
    return at;
  };
  const grow = (): void => {
    const larger = new Float64Array(slots.length * 2);
    for (const hash of slots) if (hash !== 0) larger[place(larger, hash)] = hash;
    slots = larger;
  };
  return {
    add(key) {
      const hash = hashOf(key);
      const at = place(slots, hash);
      if (slots[at] === hash) return;
      slots[at] = hash;
      size += 1;
      if (size * 2 > slots.length) grow();
    },
    has: (key) => slots[place(slots, hashOf(key))] !== 0,
    get size() {
      return size;
    },
  };
}

/** 53 bits, never 0: two multiplicative hashes with different seeds. Pure. */
export function hashOf(key: string): number {
  let a = 0x9e3779b9;
  let b = 0x85ebca6b;
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x5bd1e995);
    b ^= b >>> 15;
  }
  a = Math.imul(a ^ (a >>> 16), 0x7feb352d);
  a ^= a >>> 15;
  b = Math.imul(b ^ (b >>> 13), 0x846ca68b);
  b ^= b >>> 16;
  return (b >>> 11) * 4294967296 + (a >>> 0) + 1;
}
