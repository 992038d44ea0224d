import { CdcDeltaError } from "../../errors.ts";
import type { Column } from "./column.ts";
import { free } from "./free-batch.ts";

/** Byte strings whose unsigned order is the order of rows: key `i` is `data[offsets[i] .. offsets[i + 1])`. */
export type SortKeys = {
  readonly length: number;
  readonly offsets: Int32Array;
  readonly data: Uint8Array;
};

/** Where key bytes go; `end` becomes the place behind the last one. */
type KeySink = { data: Uint8Array; view: DataView; end: number };

/** Appends the bytes of a row's value; the column is of the one kind that it was made for. */
type AppendKey = (sink: KeySink, row: number) => void;

const signBit = 0x80000000;

/**
 * Keys of rows ordered by these columns, the first one first: nulls before all values, numbers by
 * size with NaN as the largest and -0 as 0, text and binary by their bytes. Errors: `internal` for
 * lists, maps and structs, which have no order.
 */
export function sortKeys(columns: readonly Column[], length: number): SortKeys {
  const appends = columns.map(appendKeyOf);
  const offsets = new Int32Array(length + 1);
  const sink = newSink(Math.max(64, length * 9 * columns.length));
  for (let row = 0; row < length; row++) {
    for (const append of appends) append(sink, row);
    offsets[row + 1] = sink.end;
  }
  return { length, offsets, data: sink.data };
}

function newSink(capacity: number): KeySink {
  const data = new Uint8Array(capacity);
  return { data, view: new DataView(data.buffer), end: 0 };
}

function room(sink: KeySink, size: number): void {
  if (sink.end + size <= sink.data.length) return;
  const bigger = newSink(Math.max(2 * sink.data.length, sink.end + size));
  bigger.data.set(sink.data.subarray(0, sink.end));
  free(sink.data);
  sink.data = bigger.data;
  sink.view = bigger.view;
}

function appendKeyOf(column: Column): AppendKey {
  const present = appendPresent(column);
  const { valid } = column;
  return (sink, row) => {
    room(sink, 17);
    if (valid[row] !== 1) {
      sink.data[sink.end++] = 0;
      return;
    }
    sink.data[sink.end++] = 1;
    present(sink, row);
  };
}

function appendPresent(column: Column): AppendKey {
  switch (column.kind) {
    case "null":
      return () => undefined;
    case "boolean":
      return (sink, row) => {
        sink.data[sink.end++] = column.values[row]!;
      };
    case "int32":
      return (sink, row) => {
        sink.view.setUint32(sink.end, (column.values[row]! ^ signBit) >>> 0);
        sink.end += 4;
      };
    case "int64": {
      const { buffer, byteOffset } = column.values;
      const words = new Int32Array(buffer, byteOffset, 2 * column.length);
      return (sink, row) => {
        sink.view.setUint32(sink.end, (words[2 * row + 1]! ^ signBit) >>> 0);
        sink.view.setUint32(sink.end + 4, words[2 * row]! >>> 0);
        sink.end += 8;
      };
    }
    case "float":
    case "double":
      return (sink, row) => appendNumber(sink, column.values[row]!);
    case "decimal128": {
      const { buffer, byteOffset } = column.values;
      const words = new Int32Array(buffer, byteOffset, 4 * column.length);
      return (sink, row) => {
        sink.view.setUint32(sink.end, (words[4 * row + 3]! ^ signBit) >>> 0);
        for (let w = 2; w >= 0; w--) {
          sink.view.setUint32(sink.end + 4 * (3 - w), words[4 * row + w]! >>> 0);
        }
        sink.end += 16;
      };
    }
    case "bytes":
      return (sink, row) => {
        appendBytes(sink, column.data, column.offsets[row]!, column.offsets[row + 1]!);
      };
    case "struct":
    case "list":
    case "map":
      throw new CdcDeltaError("internal", `Cannot sort by a ${column.kind} column`);
  }
}

function appendNumber(sink: KeySink, value: number): void {
  const { view, end } = sink;
  // Adding 0 makes 0 of -0.
  view.setFloat64(end, Number.isNaN(value) ? NaN : value + 0);
  const top = view.getUint32(end);
  if (Number.isNaN(value)) {
    view.setUint32(end, 0xffffffff);
    view.setUint32(end + 4, 0xffffffff);
  } else if ((top & signBit) !== 0) {
    view.setUint32(end, ~top >>> 0);
    view.setUint32(end + 4, ~view.getUint32(end + 4) >>> 0);
  } else view.setUint32(end, (top | signBit) >>> 0);
  sink.end += 8;
}

/** A 0 is followed by 255 and the end is two zeros, so that a shorter text comes first. */
function appendBytes(sink: KeySink, bytes: Uint8Array, start: number, end: number): void {
  room(sink, 2 * (end - start) + 2);
  const { data } = sink;
  let at = sink.end;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    data[at++] = byte;
    if (byte === 0) data[at++] = 255;
  }
  data[at++] = 0;
  data[at++] = 0;
  sink.end = at;
}

/** The order of key `i` of `a` and key `j` of `b`: negative, 0 or positive. */
export function compareKeyAt(a: SortKeys, i: number, b: SortKeys, j: number, skip = 0): number {
  const [left, right] = [a.data, b.data];
  let at = a.offsets[i]! + skip;
  let other = b.offsets[j]! + skip;
  const end = a.offsets[i + 1]!;
  const otherEnd = b.offsets[j + 1]!;
  for (; at < end && other < otherEnd; at++, other++) {
    const order = left[at]! - right[other]!;
    if (order !== 0) return order;
  }
  return (end - at) - (otherEnd - other);
}

/** Index bits of the numbers that are sorted; 32 bits of the key are in front of them. */
const rowsMax = 1 << 20;

/** How many rows `sortedRows` takes. */
export const sortedRowsMax: number = rowsMax;

/** The rows in the order of their keys; equal ones stay in the order that they have. */
export function sortedRows(keys: SortKeys): Int32Array {
  const { length, offsets, data } = keys;
  if (length > rowsMax) throw new CdcDeltaError("internal", `Cannot sort ${length} rows at once`);
  const shared = sharedPrefix(keys);
  // 32 bits of the key and the row's number in one double: the runtime sorts numbers fastest.
  const heads = new Uint32Array(length);
  const numbers = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    let at = offsets[i]! + shared;
    const end = Math.min(offsets[i + 1]!, at + 4);
    let head = 0;
    for (let shift = 24; at < end; at++, shift -= 8) head |= data[at]! << shift;
    heads[i] = head;
    numbers[i] = heads[i]! * rowsMax + i;
  }
  numbers.sort();
  const rows = new Int32Array(length);
  for (let i = 0; i < length; i++) rows[i] = numbers[i]! % rowsMax;
  for (let from = 0; from < length;) {
    const head = heads[rows[from]!]!;
    let to = from + 1;
    while (to < length && heads[rows[to]!] === head) to++;
    if (to - from > 1) {
      // The row's number decides between equal keys.
      rows.subarray(from, to).sort((a, b) => compareKeyAt(keys, a, keys, b, shared) || a - b);
    }
    from = to;
  }
  free(heads);
  free(numbers);
  return rows;
}

/** How many bytes all keys begin with alike. */
function sharedPrefix({ length, offsets, data }: SortKeys): number {
  if (length === 0) return 0;
  let shared = offsets[1]!;
  for (let i = 1; i < length && shared > 0; i++) {
    const start = offsets[i]!;
    const size = Math.min(shared, offsets[i + 1]! - start);
    let at = 0;
    while (at < size && data[at] === data[start + at]) at++;
    shared = at;
  }
  return shared;
}
