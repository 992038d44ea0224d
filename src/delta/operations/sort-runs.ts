import { batchBytes } from "../columns/column-bytes.ts";
import type { BytesColumn, ColumnBatch } from "../columns/column.ts";
import { concatBatches } from "../columns/concat.ts";
import { free, freeBatch } from "../columns/free-batch.ts";
import { gatherRows, sliceBatch } from "../columns/gather.ts";
import { compareKeyAt, sortedRows, sortedRowsMax, type SortKeys } from "../columns/sort-key.ts";
import { CdcDeltaError } from "../../errors.ts";
import { type ByteSource, openParquet, type ParquetFile, readRowGroup } from "../parquet/reader.ts";
import {
  encodeRowGroup,
  parquetHead,
  parquetTail,
  type RowGroupFacts,
  rowGroupFacts,
} from "../parquet/writer.ts";
import { field, struct, type StructType } from "../schema/data-type.ts";
import { openSpillFile, type SpillFile } from "../storage/spill-folder.ts";

/** Rows in the order of their keys. */
export type SortedBlock = { readonly keys: SortKeys; readonly batch: ColumnBatch };

export type SortOptions = {
  readonly schema: StructType;
  /** The keys of a batch's rows. */
  readonly keysOf: (batch: ColumnBatch) => SortKeys;
  /** A folder for what does not fit into memory. */
  readonly spillFolder: string;
  /** Bytes of rows that are sorted in memory; what comes after them is spilled. */
  readonly runBytes?: number;
  readonly signal: AbortSignal;
};

/** About as much again is needed while a run is put into order. */
const runBytesDefault = 32 << 20;
/** Rows and bytes that are taken from a run at once. */
const blockRowsMax = 8192;
const blockBytesMax = 512 << 10;
/** Runs that are merged at once: a block of each is in memory. */
const runsMax = 32;

/** A sorted run: a Parquet file of its own within a spill file. */
type Run = { readonly spill: SpillFile; readonly start: number; readonly end: number };

/**
 * All rows in the order of their keys, equal ones in the order that they came in. More of them than
 * `runBytes` are sorted piece by piece, written to the spill folder and merged, so that memory is
 * bounded whatever there is. Takes the batches over and gives its own away. Errors: those of the
 * batches, `openSpillFile`'s and `SpillFile`'s.
 */
export async function* sortRows(
  batches: AsyncIterable<ColumnBatch>,
  options: SortOptions,
): AsyncGenerator<ColumnBatch> {
  const { signal, spillFolder, runBytes = runBytesDefault } = options;
  const spills: SpillFile[] = [];
  const newSpill = async (): Promise<SpillFile> => {
    const spill = await openSpillFile(spillFolder, signal);
    spills.push(spill);
    return spill;
  };
  try {
    let runs: Run[] = [];
    let waiting: ColumnBatch[] = [];
    let [rows, bytes] = [0, 0];
    const take = (): AsyncIterable<SortedBlock> => {
      const all = waiting;
      [waiting, rows, bytes] = [[], 0, 0];
      return sortedBlocks(all, options);
    };
    for await (const batch of pieces(batches)) {
      signal.throwIfAborted();
      const size = batchBytes(batch);
      if (rows > 0 && (bytes + size > runBytes || rows + batch.length > sortedRowsMax)) {
        runs.push(await writeRun(take(), spills[0] ?? await newSpill(), options));
      }
      if (batch.length === 0) continue;
      waiting.push(batch);
      rows += batch.length;
      bytes += size;
    }
    if (runs.length === 0) {
      yield* batchesOf(take());
      return;
    }
    if (rows > 0) runs.push(await writeRun(take(), spills[0]!, options));
    while (runs.length > runsMax) {
      const spill = await newSpill();
      const merged: Run[] = [];
      for (let i = 0; i < runs.length; i += runsMax) {
        merged.push(await writeRun(mergeRuns(runs.slice(i, i + runsMax), options), spill, options));
      }
      runs = merged;
      await spills.shift()?.close();
    }
    yield* batchesOf(mergeRuns(runs, options));
  } finally {
    await Promise.all(spills.map((spill) => spill.close()));
  }
}

/** Files of other writers may have row groups of any number of rows. */
async function* pieces(batches: AsyncIterable<ColumnBatch>): AsyncGenerator<ColumnBatch> {
  for await (const batch of batches) {
    if (batch.length <= sortedRowsMax) yield batch;
    else {
      for (let from = 0; from < batch.length; from += sortedRowsMax) {
        yield sliceBatch(batch, from, from + sortedRowsMax);
      }
      freeBatch(batch);
    }
  }
}

async function* batchesOf(blocks: AsyncIterable<SortedBlock>): AsyncGenerator<ColumnBatch> {
  for await (const { keys, batch } of blocks) {
    free(keys.data);
    yield batch;
  }
}

/** Sorts batches in memory; a row's size decides how many are in a block. */
async function* sortedBlocks(
  batches: readonly ColumnBatch[],
  { schema, keysOf }: SortOptions,
): AsyncGenerator<SortedBlock> {
  if (batches.length === 0) return;
  const batch = batches.length === 1 ? batches[0]! : concatBatches(batches, schema);
  if (batches.length > 1) batches.forEach(freeBatch);
  const keys = keysOf(batch);
  const rows = sortedRows(keys);
  const perRow = Math.max(1, batchBytes(batch) / batch.length);
  const step = Math.max(1, Math.min(blockRowsMax, Math.floor(blockBytesMax / perRow)));
  for (let from = 0; from < rows.length; from += step) {
    const picked = rows.subarray(from, from + step);
    yield { keys: pickedKeys(keys, picked), batch: gatherRows(batch, picked) };
  }
  free(keys.data);
  freeBatch(batch);
}

function pickedKeys({ offsets, data }: SortKeys, rows: Int32Array): SortKeys {
  const ends = new Int32Array(rows.length + 1);
  for (let i = 0; i < rows.length; i++) {
    ends[i + 1] = ends[i]! + offsets[rows[i]! + 1]! - offsets[rows[i]!]!;
  }
  const picked = new Uint8Array(ends[rows.length]!);
  for (let i = 0; i < rows.length; i++) {
    const end = offsets[rows[i]! + 1]!;
    for (let at = offsets[rows[i]!]!, to = ends[i]!; at < end; at++, to++) picked[to] = data[at]!;
  }
  return { length: rows.length, offsets: ends, data: picked };
}

/** Rows and their keys as a spill file holds them; the table's names are out of the way. */
function spilledSchema(schema: StructType): StructType {
  return struct([field("key", { kind: "binary" }), field("row", schema)]);
}

async function writeRun(
  blocks: AsyncIterable<SortedBlock>,
  spill: SpillFile,
  { schema }: SortOptions,
): Promise<Run> {
  const spilled = spilledSchema(schema);
  const groups: RowGroupFacts[] = [];
  const start = await spill.append(parquetHead());
  for await (const { keys, batch } of blocks) {
    const { length, columns } = batch;
    const key: BytesColumn = { ...keys, kind: "bytes", valid: new Uint8Array(length).fill(1) };
    const row = { kind: "struct" as const, length, valid: key.valid, children: columns };
    const group = encodeRowGroup({ length, columns: [key, row] }, spilled);
    await spill.append(group.bytes);
    groups.push(rowGroupFacts(group));
    free(group.bytes);
    free(keys.data);
    freeBatch(batch);
  }
  let end = start;
  for (const bytes of parquetTail(spilled, groups, { createdBy: "cdcdelta" })) {
    end = await spill.append(bytes) + bytes.length;
  }
  return { spill, start, end };
}

/** Where a run is being read. */
type Reader = {
  readonly ordinal: number;
  /** What was read of the spill file and is decoded by now. */
  readonly fetched: Uint8Array[];
  readonly file: ParquetFile;
  nextGroup: number;
  block: SortedBlock;
  /** The first row that is not taken yet, and the first that is not given out yet. */
  at: number;
  given: number;
};

/**
 * Merges sorted runs; of equal keys the earlier run's come first. A block ends with the first of the
 * runs' own, so that no more than one of each is in memory.
 */
async function* mergeRuns(
  runs: readonly Run[],
  { schema, signal }: SortOptions,
): AsyncGenerator<SortedBlock> {
  const spilled = spilledSchema(schema);
  const readers: Reader[] = [];
  for (const { spill, start, end } of runs) {
    const fetched: Uint8Array[] = [];
    const source: ByteSource = {
      byteLength: end - start,
      async read(from, to) {
        const bytes = await spill.read(start + from, start + to);
        fetched.push(bytes);
        return bytes;
      },
    };
    const file = await openParquet(source);
    const ordinal = readers.length;
    const reader = { ordinal, file, fetched, nextGroup: 0, at: 0, given: 0, block: none };
    if (await nextBlock(reader, spilled)) readers.push(reader);
  }
  // Runs by their next row, the least in front; kept in order by moving the one that was taken.
  let open = readers.toSorted(compareReaders);
  while (open.length > 0) {
    signal.throwIfAborted();
    const order: Reader[] = [];
    let ended: Reader | null = null;
    while (ended === null && order.length < blockRowsMax) {
      const first = open[0]!;
      order.push(first);
      first.at += 1;
      if (first.at === first.block.batch.length) ended = first;
      else sink(open);
    }
    yield takenRows(readers, order, schema);
    if (ended === null) continue;
    freeBlock(ended.block);
    if (await nextBlock(ended, spilled)) sink(open);
    else open = open.slice(1);
  }
}

const none: SortedBlock = {
  keys: { length: 0, offsets: new Int32Array(1), data: new Uint8Array(0) },
  batch: { length: 0, columns: [] },
};

function compareReaders(a: Reader, b: Reader): number {
  return compareKeyAt(a.block.keys, a.at, b.block.keys, b.at) ||
    a.ordinal - b.ordinal;
}

/** Moves the first reader to where its next row belongs. */
function sink(open: Reader[]): void {
  const moved = open[0]!;
  let low = 1;
  let high = open.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareReaders(open[middle]!, moved) < 0) low = middle + 1;
    else high = middle;
  }
  for (let i = 1; i < low; i++) open[i - 1] = open[i]!;
  open[low - 1] = moved;
}

async function nextBlock(reader: Reader, spilled: StructType): Promise<boolean> {
  const { file, nextGroup } = reader;
  if (nextGroup === file.rowGroups.length) return false;
  const { length, columns } = await readRowGroup(file, nextGroup, spilled);
  // What is compressed has been copied out of it.
  reader.fetched.splice(0).forEach(free);
  const [key, row] = columns;
  if (key?.kind !== "bytes" || row?.kind !== "struct") {
    throw new CdcDeltaError("internal", "A spill file holds something else than was written");
  }
  const keys = { length, offsets: key.offsets, data: key.data };
  reader.block = { keys, batch: { length, columns: row.children } };
  [reader.nextGroup, reader.at, reader.given] = [nextGroup + 1, 0, 0];
  return true;
}

function freeBlock({ keys, batch }: SortedBlock): void {
  free(keys.data);
  freeBatch(batch);
}

/** The rows that were taken of the readers' blocks, in that order. */
function takenRows(
  readers: readonly Reader[],
  order: readonly Reader[],
  schema: StructType,
): SortedBlock {
  const parts: SortedBlock[] = [];
  const next = new Map<Reader, number>();
  let start = 0;
  for (const reader of readers) {
    const { block, given, at } = reader;
    if (given === at) continue;
    const rows = new Int32Array(at - given);
    for (let i = 0; i < rows.length; i++) rows[i] = given + i;
    parts.push({ keys: pickedKeys(block.keys, rows), batch: gatherRows(block.batch, rows) });
    next.set(reader, start);
    start += rows.length;
    reader.given = at;
  }
  if (parts.length === 1) return parts[0]!;
  const rows = new Int32Array(order.length);
  order.forEach((reader, i) => {
    const row = next.get(reader)!;
    rows[i] = row;
    next.set(reader, row + 1);
  });
  const joined = concatBatches(parts.map((part) => part.batch), schema);
  const keys = pickedKeys(joinedKeys(parts.map((part) => part.keys)), rows);
  const batch = gatherRows(joined, rows);
  parts.forEach(freeBlock);
  freeBatch(joined);
  return { keys, batch };
}

function joinedKeys(list: readonly SortKeys[]): SortKeys {
  const length = list.reduce((sum, keys) => sum + keys.length, 0);
  const offsets = new Int32Array(length + 1);
  let row = 0;
  for (const keys of list) {
    const from = offsets[row]!;
    for (let i = 0; i < keys.length; i++) offsets[++row] = from + keys.offsets[i + 1]!;
  }
  const data = new Uint8Array(offsets[length]!);
  let at = 0;
  for (const keys of list) {
    const size = keys.offsets[keys.length]!;
    data.set(keys.data.subarray(0, size), at);
    at += size;
  }
  return { length, offsets, data };
}
