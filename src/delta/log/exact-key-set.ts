/**
 * A set of keys for questions whose wrong answer would lose a file. It holds 128 bits of a universal
 * hash of each key, in 21 to 43 bytes however long the key is.
 *
 * Two keys are taken for one another with a probability of 2^-128, whatever they look like and
 * whoever chose them: the hash has random words of its own for every set and every place in a key
 * (the multilinear family, Lemire and Kaser, "Strongly universal string hashing is fast"), so that
 * nobody can look for keys that collide. Ten million keys collide once in 10^25 tables.
 */
export type ExactKeySet = {
  /** False: it was there already. */
  add(key: string): boolean;
  has(key: string): boolean;
  readonly size: number;
};

const wordsOfKey = 4;
const lanes = 8;
/** Keys up to this length need no further random words. */
const firstLength = 256;

/** An empty set. */
export function createExactKeySet(): ExactKeySet {
  let random = randomWords(firstLength);
  let slots = new Int32Array(1024 * wordsOfKey);
  let size = 0;
  const wanted = new Int32Array(wordsOfKey);
  const digest = (key: string): void => {
    if ((key.length + 1) * lanes > random.length) random = longer(random, key.length * 2);
    digestInto(wanted, key, random);
  };
  const grow = (): void => {
    const larger = new Int32Array(slots.length * 2);
    for (let from = 0; from < slots.length; from += wordsOfKey) {
      if (slots[from] === 0) continue;
      larger.set(slots.subarray(from, from + wordsOfKey), place(larger, slots, from));
    }
    slots = larger;
  };
  return {
    add(key) {
      digest(key);
      const slot = place(slots, wanted, 0);
      if (slots[slot] !== 0) return false;
      slots.set(wanted, slot);
      size += 1;
      if (size * wordsOfKey > slots.length * 0.75) grow();
      return true;
    },
    has(key) {
      if (size === 0) return false;
      digest(key);
      return slots[place(slots, wanted, 0)] !== 0;
    },
    get size() {
      return size;
    },
  };
}

/** Where the key in `words` is, or belongs. A slot whose first word is 0 is empty. */
function place(table: Int32Array, words: Int32Array, from: number): number {
  const mask = table.length - 1;
  let slot = (words[from + 1]! * wordsOfKey) & mask;
  while (table[slot] !== 0 && !isSame(table, slot, words, from)) slot = (slot + wordsOfKey) & mask;
  return slot;
}

function isSame(a: Int32Array, at: number, b: Int32Array, from: number): boolean {
  return a[at] === b[from] && a[at + 1] === b[from + 1] && a[at + 2] === b[from + 2] &&
    a[at + 3] === b[from + 3];
}

/**
 * Eight sums of 32 bits over the key's characters, each times its own random word; the upper half
 * of each is universal. A character counts from 1, so that a key and its beginnings differ.
 */
function digestInto(into: Int32Array, key: string, random: Int32Array): void {
  let [a, b, c, d] = [random[0]!, random[1]!, random[2]!, random[3]!];
  let [e, f, g, h] = [random[4]!, random[5]!, random[6]!, random[7]!];
  for (let i = 0, at = lanes; i < key.length; i++, at += lanes) {
    const unit = key.charCodeAt(i) + 1;
    a = (a + Math.imul(random[at]!, unit)) | 0;
    b = (b + Math.imul(random[at + 1]!, unit)) | 0;
    c = (c + Math.imul(random[at + 2]!, unit)) | 0;
    d = (d + Math.imul(random[at + 3]!, unit)) | 0;
    e = (e + Math.imul(random[at + 4]!, unit)) | 0;
    f = (f + Math.imul(random[at + 5]!, unit)) | 0;
    g = (g + Math.imul(random[at + 6]!, unit)) | 0;
    h = (h + Math.imul(random[at + 7]!, unit)) | 0;
  }
  // 0 marks an empty slot.
  into[0] = (a & ~0xffff) | (b >>> 16) || 1;
  into[1] = (c & ~0xffff) | (d >>> 16);
  into[2] = (e & ~0xffff) | (f >>> 16);
  into[3] = (g & ~0xffff) | (h >>> 16);
}

function randomWords(keyLength: number): Int32Array<ArrayBuffer> {
  return fillRandom(new Int32Array((keyLength + 1) * lanes), 0);
}

/** The words there are, and more: digests of shorter keys stay what they are. */
function longer(words: Int32Array, keyLength: number): Int32Array<ArrayBuffer> {
  const more = new Int32Array((keyLength + 1) * lanes);
  more.set(words);
  return fillRandom(more, words.length);
}

function fillRandom(words: Int32Array<ArrayBuffer>, from: number): Int32Array<ArrayBuffer> {
  // No more than 64 KiB at once, by the Web API.
  for (let at = from; at < words.length; at += 16_384) {
    crypto.getRandomValues(words.subarray(at, at + 16_384));
  }
  return words;
}
