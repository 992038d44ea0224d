import type { Column } from "../columns/column.ts";
import { free } from "../columns/free-batch.ts";
import { compareKeyAt, sortedRows, type SortKeys, sortKeys } from "../columns/sort-key.ts";

/** Bits that a column's place has: as many as its values can be told apart by the sample. */
const placeBits = 12;
const places = 1 << placeBits;

/** The values that part a column's rows into ranges of about as many rows. */
export type Ranges = SortKeys;

/**
 * The ranges of a column by a sample of its rows: up to 4096 of about as many rows each, and values
 * that are frequent have one of their own. Pure.
 */
export function rangesOf(sample: Column): Ranges {
  const keys = sortKeys([sample], sample.length);
  const rows = sortedRows(keys);
  const picked: number[] = [];
  for (const row of rows) {
    const last = picked.at(-1);
    if (last === undefined || compareKeyAt(keys, last, keys, row) !== 0) picked.push(row);
  }
  const wanted = Math.min(picked.length, places - 1);
  const bounds = picked.length < places
    ? picked
    : Array.from({ length: wanted }, (_, i) => rows[Math.floor(i * rows.length / wanted)]!)
      .filter((row, i, all) => i === 0 || compareKeyAt(keys, all[i - 1]!, keys, row) !== 0);
  return pickKeys(keys, bounds);
}

function pickKeys({ offsets, data }: SortKeys, rows: readonly number[]): SortKeys {
  const ends = new Int32Array(rows.length + 1);
  rows.forEach((row, i) => {
    ends[i + 1] = ends[i]! + offsets[row + 1]! - offsets[row]!;
  });
  const picked = new Uint8Array(ends[rows.length]!);
  rows.forEach((row, i) => picked.set(data.subarray(offsets[row], offsets[row + 1]), ends[i]));
  return { length: rows.length, offsets: ends, data: picked };
}

/**
 * Keys of rows along a Z-order curve through the columns: the bits of each value's range, the most
 * telling ones first, one of each column in turn (Spark's `interleave_bits` of `range_partition_id`).
 * Rows with near keys are near in every column. Pure.
 */
export function zOrderKeys(
  columns: readonly Column[],
  ranges: readonly Ranges[],
  length: number,
): SortKeys {
  const width = Math.ceil(columns.length * placeBits / 8);
  const data = new Uint8Array(length * width);
  const offsets = new Int32Array(length + 1);
  for (let row = 0; row < length; row++) offsets[row + 1] = (row + 1) * width;
  columns.forEach((column, c) => {
    const keys = sortKeys([column], length);
    const own = ranges[c]!;
    // Few ranges are spread over all bits: a column with two values halves the rows at once.
    const scale = places / (own.length + 1);
    for (let row = 0; row < length; row++) {
      const place = Math.floor(placeOf(keys, row, own) * scale);
      for (let bit = 0; bit < placeBits; bit++) {
        if ((place >> (placeBits - 1 - bit) & 1) === 0) continue;
        const at = bit * columns.length + c;
        data[row * width + (at >> 3)]! |= 0x80 >> (at & 7);
      }
    }
    free(keys.data);
  });
  return { length, offsets, data };
}

/** How many of the bounds are at or below the key. */
function placeOf(keys: SortKeys, row: number, bounds: SortKeys): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeyAt(bounds, middle, keys, row) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
