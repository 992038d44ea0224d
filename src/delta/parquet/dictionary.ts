/** Byte strings as numbers of a list of distinct ones. */
export type Dictionary = {
  /** The dictionary's entry of each value. */
  readonly indices: Uint16Array;
  /** The value that each entry was first seen as. */
  readonly entries: Int32Array;
};

/** A dictionary has no more entries. */
export const entriesMax = 8192;
const slots = entriesMax * 4;
/** After so many values, half of them distinct means that a dictionary does not pay. */
const probation = 1024;
/** Long values are hashed by their ends only. */
const hashedBytesMax = 32;

const table = new Int16Array(slots);
const first = new Int32Array(entriesMax);
let scratch = new Uint16Array(0);

/**
 * Numbers the distinct values of `data`, or null when there are too many for it to pay. The result
 * is valid until the next call.
 */
export function buildDictionary(
  offsets: Int32Array,
  data: Uint8Array,
  count: number,
): Dictionary | null {
  if (count === 0) return null;
  if (scratch.length < count) scratch = new Uint16Array(count * 2);
  const indices = scratch.subarray(0, count);
  table.fill(-1);
  let size = 0;
  for (let i = 0; i < count; i++) {
    const start = offsets[i]!;
    const end = offsets[i + 1]!;
    let slot = hash(data, start, end) & slots - 1;
    for (;;) {
      const entry = table[slot]!;
      if (entry < 0) {
        if (size === entriesMax || (i >= probation && size > i >> 1)) return null;
        table[slot] = size;
        first[size] = i;
        indices[i] = size++;
        break;
      }
      const other = offsets[first[entry]!]!;
      if (offsets[first[entry]! + 1]! - other === end - start) {
        if (isEqual(data, start, end, other)) {
          indices[i] = entry;
          break;
        }
      }
      slot = slot + 1 & slots - 1;
    }
  }
  return size * 2 > count && count > 8 ? null : { indices, entries: first.subarray(0, size) };
}

function hash(data: Uint8Array, start: number, end: number): number {
  let value = end - start;
  const head = end - start <= hashedBytesMax ? end : start + hashedBytesMax / 2;
  for (let i = start; i < head; i++) value = Math.imul(value ^ data[i]!, 0x01000193);
  if (head < end) {
    for (let i = end - hashedBytesMax / 2; i < end; i++) {
      value = Math.imul(value ^ data[i]!, 0x01000193);
    }
  }
  return value ^ value >>> 15;
}

function isEqual(data: Uint8Array, start: number, end: number, other: number): boolean {
  for (let i = start, j = other; i < end; i++, j++) if (data[i] !== data[j]) return false;
  return true;
}
