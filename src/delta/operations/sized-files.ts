import type { ColumnBatch } from "../columns/column.ts";
import { batchBytes } from "../columns/column-bytes.ts";
import { concatBatches } from "../columns/concat.ts";
import { free, freeBatch } from "../columns/free-batch.ts";
import type { Engine } from "../engine.ts";
import type { AddFile, PartitionValues } from "../log/actions.ts";
import { encodeWithStatistics } from "../parquet/writer.ts";
import { type DataFileWriter, dataFileWriter } from "./data-file-writer.ts";
import type { RewriteLayout } from "./rewrite-layout.ts";

/** Writes rows into files of about one size. */
export type SizedFiles = {
  /** Takes the batch over: its memory is given back once it is written. */
  append(batch: ColumnBatch): Promise<void>;
  /** Frees bytes that the batches so far may share memory with, once these are written. */
  release(bytes: Uint8Array): void;
  /** The actions that add the files, which nobody sees until they are committed. */
  finish(): Promise<AddFile[]>;
  /** Gives up the file under way; those before it are left to vacuum. Never fails. */
  abort(): Promise<void>;
};

export type SizedFilesOptions = {
  readonly layout: RewriteLayout;
  readonly partitionValues: PartitionValues;
  /** A file ends at about this size. */
  readonly targetBytes: number;
  readonly signal: AbortSignal;
};

/** Rows of a row group: enough for dictionaries and skipping, few enough to hold in memory. */
const rowGroupRowsMax = 65_536;
/** Bytes of them in memory: rows may be large documents. */
const rowGroupBytesMax = 32 << 20;
/** What rows in memory are expected to become in a file, before the first of them were encoded. */
const encodedPartFirst = 0.2;
/**
 * Zstd level. Pages hold dictionary indices and packed integers: the third level takes twice the time
 * and makes them no smaller.
 */
const level = 1;

/**
 * Files of the rows that come, in their order, in row groups that are good to read. One row group's
 * rows are in memory. Errors: as `encodeWithStatistics`, and the store's.
 */
export function sizedFiles(
  engine: Engine,
  { layout: { schema, format }, partitionValues, targetBytes, signal }: SizedFilesOptions,
): SizedFiles {
  const options = { ...format.statistics, codec: format.codec, level, pageIndex: true };
  const written: AddFile[] = [];
  let waiting: ColumnBatch[] = [];
  let released: Uint8Array[] = [];
  let [rows, bytes] = [0, 0];
  let encodedPart = encodedPartFirst;
  let file: DataFileWriter | null = null;

  const endRowGroup = async (): Promise<void> => {
    if (rows === 0) return;
    const batch = waiting.length === 1 ? waiting[0]! : concatBatches(waiting, schema);
    if (waiting.length > 1) waiting.forEach(freeBatch);
    const size = bytes;
    [waiting, rows, bytes] = [[], 0, 0];
    const { rowGroup, statistics } = encodeWithStatistics(batch, schema, options);
    encodedPart = rowGroup.bytes.length / Math.max(1, size);
    freeBatch(batch);
    released.forEach(free);
    released = [];
    file ??= dataFileWriter(engine, { schema, format, partitionValues }, { signal });
    await file.append(rowGroup, statistics);
    free(rowGroup.bytes);
  };
  const endFile = async (): Promise<void> => {
    await endRowGroup();
    if (file !== null) written.push(await file.finish());
    file = null;
  };
  return {
    async append(batch) {
      if (batch.length === 0) return;
      const size = batchBytes(batch);
      const isFull = rows + batch.length > rowGroupRowsMax || bytes + size > rowGroupBytesMax;
      if (isFull) await endRowGroup();
      if ((file?.sizeBytes ?? 0) + bytes * encodedPart >= targetBytes) await endFile();
      waiting.push(batch);
      rows += batch.length;
      bytes += size;
    },
    release(source) {
      if (rows === 0) free(source);
      else released.push(source);
    },
    async finish() {
      await endFile();
      return written;
    },
    async abort() {
      await file?.abort();
    },
  };
}
