import { CdcDeltaError } from "../../errors.ts";

/** Up to 65,536 rows from `base` on, as they stand in the serialized bitmap. */
type Container =
  | { readonly kind: "array"; readonly base: number; readonly values: Uint16Array }
  | { readonly kind: "bitmap"; readonly base: number; readonly bits: Uint8Array }
  /** Pairs of a first value and how many follow it. */
  | { readonly kind: "runs"; readonly base: number; readonly pairs: Uint16Array };

/** A set of row numbers; its containers ascend by `base`. */
export type RowSet = { readonly cardinality: number; readonly containers: readonly Container[] };

const arrayMagic = 1681511377;
const cookieWithoutRuns = 12346;
const cookieWithRuns = 12347;
const noOffsetsBelow = 4;
const twoTo32 = 4294967296;

type Reader = { readonly view: DataView; at: number };

/**
 * Reads a RoaringBitmapArray in its portable form (PROTOCOL.md, "Deletion Vector Format"): 64-bit
 * numbers as 32-bit Roaring bitmaps by their upper half. Errors: `log-corrupt` for anything else.
 */
export function readRowSet(bytes: Uint8Array): RowSet {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: 0 };
  try {
    if (u32(reader) !== arrayMagic) throw new RangeError("it has another magic number");
    const buckets = u32(reader);
    if (u32(reader) !== 0) throw new RangeError("it has too many buckets");
    const containers: Container[] = [];
    let cardinality = 0;
    for (let i = 0; i < buckets; i++) {
      const base = u32(reader) * twoTo32;
      if (base > Number.MAX_SAFE_INTEGER) throw new RangeError("its row numbers are too large");
      cardinality += readBitmap(reader, base, containers);
    }
    return { cardinality, containers };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CdcDeltaError("log-corrupt", `The bitmap cannot be read: ${error.message}`, {
      cause: error,
    });
  }
}

/** A 32-bit bitmap (RoaringFormatSpec): adds its containers, answers how many numbers it has. */
function readBitmap(reader: Reader, base: number, containers: Container[]): number {
  const cookie = u32(reader);
  const withRuns = (cookie & 0xffff) === cookieWithRuns;
  if (!withRuns && cookie !== cookieWithoutRuns) throw new RangeError("it has another cookie");
  const count = withRuns ? (cookie >>> 16) + 1 : u32(reader);
  if (count > 65536) throw new RangeError("it has too many containers");
  const isRun = withRuns ? take(reader, (count + 7) >> 3) : null;
  const head = words(reader, 2 * count);
  if (!withRuns || count >= noOffsetsBelow) take(reader, 4 * count);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const from = base + head[2 * i]! * 65536;
    const cardinality = head[2 * i + 1]! + 1;
    if (isRun !== null && (isRun[i >> 3]! >> (i & 7) & 1) === 1) {
      containers.push({ kind: "runs", base: from, pairs: words(reader, 2 * u16(reader)) });
    } else if (cardinality <= 4096) {
      containers.push({ kind: "array", base: from, values: words(reader, cardinality) });
    } else {
      containers.push({ kind: "bitmap", base: from, bits: take(reader, 8192) });
    }
    total += cardinality;
  }
  return total;
}

function u16(reader: Reader): number {
  reader.at += 2;
  return reader.view.getUint16(reader.at - 2, true);
}

function u32(reader: Reader): number {
  reader.at += 4;
  return reader.view.getUint32(reader.at - 4, true);
}

function take(reader: Reader, length: number): Uint8Array {
  const { view, at } = reader;
  if (at + length > view.byteLength) throw new RangeError("it ends too early");
  reader.at += length;
  return new Uint8Array(view.buffer, view.byteOffset + at, length);
}

function words(reader: Reader, count: number): Uint16Array {
  const { view, at } = reader;
  if (at + 2 * count > view.byteLength) throw new RangeError("it ends too early");
  const values = new Uint16Array(count);
  for (let i = 0; i < count; i++) values[i] = view.getUint16(at + 2 * i, true);
  reader.at += 2 * count;
  return values;
}

/**
 * The rows of `start .. start + length` that are not in the set, counted from `start`; null when
 * none of them is in it.
 */
export function rowsOutside(set: RowSet, start: number, length: number): Int32Array | null {
  const mask = new Uint8Array(length);
  let inside = 0;
  const mark = (row: number): void => {
    const at = row - start;
    if (at < 0 || at >= length || mask[at] === 1) return;
    mask[at] = 1;
    inside += 1;
  };
  for (const container of set.containers) {
    if (container.base + 65536 <= start || container.base >= start + length) continue;
    markContainer(container, mark);
  }
  if (inside === 0) return null;
  const rows = new Int32Array(length - inside);
  let next = 0;
  for (let at = 0; at < length; at++) if (mask[at] === 0) rows[next++] = at;
  return rows;
}

function markContainer(container: Container, mark: (row: number) => void): void {
  const { base } = container;
  switch (container.kind) {
    case "array":
      for (const value of container.values) mark(base + value);
      return;
    case "bitmap":
      for (let i = 0; i < 65536; i++) {
        if ((container.bits[i >> 3]! >> (i & 7) & 1) === 1) mark(base + i);
      }
      return;
    case "runs":
      for (let i = 0; i < container.pairs.length; i += 2) {
        const first = base + container.pairs[i]!;
        for (let j = 0; j <= container.pairs[i + 1]!; j++) mark(first + j);
      }
  }
}
