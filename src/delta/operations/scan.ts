import { CdcDeltaError } from "../../errors.ts";
import { constantColumn } from "../columns/constant-column.ts";
import type { ColumnBatch } from "../columns/column.ts";
import { gatherRows } from "../columns/gather.ts";
import type { Engine } from "../engine.ts";
import type { AddFile } from "../log/actions.ts";
import { readDeletionVector } from "../log/deletion-vector.ts";
import { locateFile } from "../log/locate-file.ts";
import { parsePartitionValue } from "../log/partition-value.ts";
import { rowsOutside } from "../log/roaring-bitmap.ts";
import {
  type ByteSource,
  bytesSource,
  openParquet,
  type ParquetFile,
  readRowGroup,
} from "../parquet/reader.ts";
import { type ColumnMapping, physicalName, physicalSchema } from "../schema/column-mapping.ts";
import { struct, type StructType } from "../schema/data-type.ts";

/** What a scan has to know of a table. */
export type ScannedTable = {
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  readonly columnMapping: ColumnMapping;
};

export type ScanOptions = {
  readonly signal: AbortSignal;
  /** Top-level columns to read, in the schema's order; default all. */
  readonly columns?: readonly string[];
  /** False for a row group that need not be read; default all are. */
  readonly wantsRowGroup?: (file: ParquetFile, index: number) => boolean;
  /**
   * The rows to take of those from `start` on, counted from there; null takes all. Default: those
   * that the file's deletion vector does not hold, which is not read otherwise.
   */
  readonly pickRows?: PickRows;
  /**
   * Gets the columns that are read from the file and the position of their first row in it, before
   * rows are left out; what it returns stands in their place.
   */
  readonly complete?: (batch: ColumnBatch, firstPosition: number) => ColumnBatch;
};

/** Chooses among the rows `start .. start + length` of a file. */
export type PickRows = (start: number, length: number) => Int32Array | null;

/** Files up to this size are fetched whole: one request is cheaper than several ranges. */
export const wholeFileBytesMax = 8 << 20;

/** The schema of the batches that a scan with these options yields. */
export function scannedSchema(
  schema: StructType,
  columns: readonly string[] | undefined,
): StructType {
  if (columns === undefined) return schema;
  return struct(schema.fields.filter((field) => columns.includes(field.name)));
}

/**
 * The rows of a snapshot's files, row group by row group; no more than one is in memory. Errors: as
 * `scanFile`.
 */
export async function* scanSnapshot(
  engine: Engine,
  snapshot: ScannedTable & { readonly files: readonly AddFile[] },
  options: ScanOptions,
): AsyncGenerator<ColumnBatch> {
  for (const add of snapshot.files) yield* scanFile(engine, snapshot, add, options);
}

/**
 * The rows of one data file in their order, row group by row group, partition columns filled in from
 * the log, rows of its deletion vector left out. Columns that the file lacks are null. Errors:
 * `unsupported` for files that the engine cannot reach, `parquet` for damaged files, `log-corrupt`
 * for partition values that are none and deletion vectors that cannot be read, and the store's.
 */
export async function* scanFile(
  engine: Engine,
  table: ScannedTable,
  add: AddFile,
  options: ScanOptions,
): AsyncGenerator<ColumnBatch> {
  const schema = scannedSchema(table.schema, options.columns);
  const inFile = struct(
    schema.fields.filter((field) => !table.partitionColumns.includes(field.name)),
  );
  const inLog = new Map(
    schema.fields.filter((field) => table.partitionColumns.includes(field.name)).map((field) => [
      field.name,
      parsePartitionValue(
        add.partitionValues[physicalName(field, table.columnMapping)] ?? null,
        field.type,
      ),
    ]),
  );
  const { columnMapping } = table;
  const wanted = physicalSchema(inFile, columnMapping);
  const batches = readFile(engine, add, { wanted, columnMapping }, options);
  for await (const { length, columns } of batches) {
    let next = 0;
    yield {
      length,
      columns: schema.fields.map((field) => {
        const value = inLog.get(field.name);
        return value === undefined ? columns[next++]! : constantColumn(value, field.type, length);
      }),
    };
  }
}

async function* readFile(
  engine: Engine,
  add: AddFile,
  columns: { readonly wanted: StructType; readonly columnMapping: ColumnMapping },
  options: ScanOptions,
): AsyncGenerator<ColumnBatch> {
  const { wanted, columnMapping } = columns;
  const { signal, wantsRowGroup, complete } = options;
  const matchBy = columnMapping === "id" ? "id" : "name";
  const pickRows = options.pickRows ?? await liveRows(engine, add, signal);
  try {
    const file = await openParquet(await openSource(engine, add, signal));
    let start = 0;
    for (let i = 0; i < file.rowGroups.length; i++) {
      signal.throwIfAborted();
      const length = file.rowGroups[i]?.numRows ?? 0;
      const first = start;
      const kept = pickRows(first, length);
      start += length;
      if (kept?.length === 0 || wantsRowGroup?.(file, i) === false) continue;
      const stored = await readRowGroup(file, i, wanted, { matchBy });
      const batch = complete === undefined ? stored : complete(stored, first);
      yield kept === null ? batch : gatherRows(batch, kept);
    }
  } catch (error) {
    if (!(error instanceof CdcDeltaError) || error.code !== "parquet") throw error;
    throw new CdcDeltaError(
      "parquet",
      `Cannot read data file ${add.path} of ${engine.store.uri}: ${error.message}`,
      { cause: error, context: { path: add.path } },
    );
  }
}

async function liveRows(
  engine: Engine,
  { deletionVector }: AddFile,
  signal: AbortSignal,
): Promise<PickRows> {
  if (deletionVector === undefined) return () => null;
  const deleted = await readDeletionVector(engine, deletionVector, { signal });
  return (start, length) => rowsOutside(deleted, start, length);
}

async function openSource(
  engine: Engine,
  add: AddFile,
  signal: AbortSignal,
): Promise<ByteSource> {
  const file = locateFile(engine, add.path);
  if (file === null) {
    const { uri } = engine.store;
    throw new CdcDeltaError(
      "unsupported",
      `Cannot read data file ${add.path} of ${uri}: it lies outside of the table's folder, where ` +
        "cdcdelta reads only from the same bucket, or from local folders for a local table",
      { context: { path: add.path } },
    );
  }
  const { store, key } = file;
  if (add.size <= wholeFileBytesMax) return bytesSource(await store.get(key, { signal }));
  return {
    byteLength: add.size,
    read: (start, end) => store.get(key, { signal, range: { start, end } }),
  };
}
