import { createHash } from "node:crypto";

/**
 * A set of keys for questions whose wrong answer would lose a file: it holds 128 bits of SHA-256 of
 * each key, so that no two keys are taken for one another, in 32 to 64 bytes a key however long it is.
 */
export type ExactKeySet = {
  /** False: it was there already. */
  add(key: string): boolean;
  has(key: string): boolean;
  readonly size: number;
};

const wordsOfKey = 4;

/** An empty set. */
export function createExactKeySet(): ExactKeySet {
  let slots = new Uint32Array(1024 * wordsOfKey);
  let size = 0;
  const wanted = new Uint32Array(wordsOfKey);
  /** Where the key in `words` is, or belongs. A slot whose first word is 0 is empty. */
  const place = (table: Uint32Array, words: Uint32Array, from: number): number => {
    const count = table.length / wordsOfKey;
    let at = words[from + 1]! % count;
    for (;;) {
      const slot = at * wordsOfKey;
      if (table[slot] === 0 || isSame(table, slot, words, from)) return slot;
      at = at + 1 === count ? 0 : at + 1;
    }
  };
  const grow = (): void => {
    const larger = new Uint32Array(slots.length * 2);
    for (let from = 0; from < slots.length; from += wordsOfKey) {
      if (slots[from] === 0) continue;
      larger.set(slots.subarray(from, from + wordsOfKey), place(larger, slots, from));
    }
    slots = larger;
  };
  return {
    add(key) {
      digest(key, wanted);
      const slot = place(slots, wanted, 0);
      if (slots[slot] !== 0) return false;
      slots.set(wanted, slot);
      size += 1;
      if (size * 2 * wordsOfKey > slots.length) grow();
      return true;
    },
    has(key) {
      digest(key, wanted);
      return slots[place(slots, wanted, 0)] !== 0;
    },
    get size() {
      return size;
    },
  };
}

function isSame(a: Uint32Array, at: number, b: Uint32Array, from: number): boolean {
  return a[at] === b[from] && a[at + 1] === b[from + 1] && a[at + 2] === b[from + 2] &&
    a[at + 3] === b[from + 3];
}

function digest(key: string, into: Uint32Array): void {
  const bytes = createHash("sha256").update(key).digest();
  for (let word = 0; word < wordsOfKey; word++) into[word] = bytes.readUInt32LE(word * 4);
  // 0 marks an empty slot.
  if (into[0] === 0) into[0] = 1;
}
