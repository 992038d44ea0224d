import type { Column, ColumnBatch } from "../columns/column.ts";
import { concatColumns } from "../columns/concat.ts";
import { freeBatch, freeColumn } from "../columns/free-batch.ts";
import { gatherColumn } from "../columns/gather.ts";
import { type SortKeys, sortKeys } from "../columns/sort-key.ts";
import type { Engine } from "../engine.ts";
import type { AddFile } from "../log/actions.ts";
import type { StructType } from "../schema/data-type.ts";
import type { MergeOptions } from "./merge-files.ts";
import { columnOf, type OrderColumn, type RowOrder } from "./order-columns.ts";
import { readAhead } from "./read-ahead.ts";
import {
  type RewriteLayout,
  rewriteLayout,
  type RewrittenTable,
  scanForRewrite,
} from "./rewrite-layout.ts";
import { scanFile, scannedSchema } from "./scan.ts";
import { sizedFiles } from "./sized-files.ts";
import { sortRows } from "./sort-runs.ts";
import { type Ranges, rangesOf, zOrderKeys } from "./z-order.ts";

export type OrderOptions = MergeOptions & {
  readonly kind: RowOrder["kind"];
  readonly columns: readonly OrderColumn[];
  /** A folder for rows that do not fit into memory. */
  readonly spillFolder: string;
  /** Bytes of rows that are sorted in memory; default 32 MiB. */
  readonly runBytes?: number;
};

/**
 * Writes the rows of data files of one partition anew, ordered, into files of the target size. What
 * does not fit into memory waits in the spill folder. Nobody sees the files before they are
 * committed. Errors: as `scanFile`, `sortRows`, and the store's.
 */
export async function orderFiles(
  engine: Engine,
  table: RewrittenTable,
  files: readonly AddFile[],
  options: OrderOptions,
): Promise<AddFile[]> {
  const { kind, columns, targetBytes, spillFolder, signal, runBytes } = options;
  const layout = rewriteLayout(table);
  const { schema } = layout;
  const keysOf = kind === "sort"
    ? (batch: ColumnBatch) => sortKeys(inOrder(batch, schema, columns), batch.length)
    : await zOrder(engine, table, files, { schema, columns, signal });
  const partitionValues = files[0]?.partitionValues ?? {};
  const writer = sizedFiles(engine, { layout, partitionValues, targetBytes, signal });
  const rows = allRows(engine, table, files, { layout, signal, onFile: options.onFile });
  const sorted = sortRows(rows, {
    schema,
    keysOf,
    spillFolder,
    signal,
    ...(runBytes === undefined ? {} : { runBytes }),
  });
  try {
    for await (const batch of sorted) await writer.append(batch);
    return await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

async function* allRows(
  engine: Engine,
  table: RewrittenTable,
  files: readonly AddFile[],
  { layout, signal, onFile }: {
    readonly layout: RewriteLayout;
    readonly signal: AbortSignal;
    readonly onFile: MergeOptions["onFile"] | undefined;
  },
): AsyncGenerator<ColumnBatch> {
  const ahead = readAhead(engine, files, signal);
  for (const [index, add] of files.entries()) {
    ahead.reach(index);
    yield* scanForRewrite(ahead.engine, table, add, { layout, signal });
    onFile?.(add);
  }
}

function inOrder(
  batch: ColumnBatch,
  schema: StructType,
  columns: readonly OrderColumn[],
): Column[] {
  return columns.map((column) => columnOf(batch, schema, column));
}

type Ordered = {
  readonly schema: StructType;
  readonly columns: readonly OrderColumn[];
  readonly signal: AbortSignal;
};

async function zOrder(
  engine: Engine,
  table: RewrittenTable,
  files: readonly AddFile[],
  { schema, columns, signal }: Ordered,
): Promise<(batch: ColumnBatch) => SortKeys> {
  const ranges = await sampleRanges(engine, table, files, { schema, columns, signal });
  return (batch) => zOrderKeys(inOrder(batch, schema, columns), ranges, batch.length);
}

/** Files and bytes that are looked at to learn how values are spread; of those only the columns. */
const sampleFilesMax = 256;
const sampleBytesMax = 512 << 20;
/** Rows that are kept of them; every second one goes when there are more. */
const sampleRowsMax = 65_536;

/** The ranges of the columns' values by files and rows at even distances. */
async function sampleRanges(
  engine: Engine,
  table: RewrittenTable,
  files: readonly AddFile[],
  { columns, signal }: Ordered,
): Promise<Ranges[]> {
  const names = [...new Set(columns.map(({ fields }) => fields[0]!.name))];
  const schema = scannedSchema(table.schema, names);
  let parts: Column[][] = [];
  let [kept, stride, skip] = [0, 1, 0];
  const joined = (): Column[] => {
    const all = columns.map((_, i) => concatColumns(parts.map((part) => part[i]!)));
    parts.flat().forEach(freeColumn);
    return all;
  };
  const sampled = sampledFiles(files);
  const ahead = readAhead(engine, sampled, signal);
  for (const [index, add] of sampled.entries()) {
    ahead.reach(index);
    for await (const batch of scanFile(ahead.engine, table, add, { signal, columns: names })) {
      const rows: number[] = [];
      for (; skip < batch.length; skip += stride) rows.push(skip);
      skip -= batch.length;
      const picked = Int32Array.from(rows);
      parts.push(inOrder(batch, schema, columns).map((column) => gatherColumn(column, picked)));
      kept += rows.length;
      freeBatch(batch);
      for (; kept > sampleRowsMax; stride *= 2) {
        parts = [joined().map(everySecond)];
        kept = parts[0]![0]!.length;
      }
    }
  }
  return joined().map(rangesOf);
}

function sampledFiles(files: readonly AddFile[]): AddFile[] {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const step = Math.max(1, files.length / sampleFilesMax, bytes / sampleBytesMax);
  return Array.from(
    { length: Math.ceil(files.length / step) },
    (_, i) => files[Math.floor(i * step)]!,
  );
}

function everySecond(column: Column): Column {
  const rows = new Int32Array(column.length + 1 >> 1);
  for (let i = 0; i < rows.length; i++) rows[i] = 2 * i;
  return gatherColumn(column, rows);
}
