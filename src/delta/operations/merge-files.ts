import type { ColumnBatch } from "../columns/column.ts";
import { batchBytes } from "../columns/column-bytes.ts";
import { concatBatches } from "../columns/concat.ts";
import type { Engine } from "../engine.ts";
import type { AddFile } from "../log/actions.ts";
import type { EncodedRowGroup } from "../parquet/encoded-row-group.ts";
import { type FileStatistics, mergeStatistics } from "../parquet/statistics.ts";
import { encodeWithStatistics } from "../parquet/writer.ts";
import { writeDataFile } from "./append.ts";
import { statisticsOptions } from "./rewrite-file.ts";
import { readAhead } from "./read-ahead.ts";
import { rewriteLayout, type RewrittenTable, scanForRewrite } from "./rewrite-layout.ts";

export type MergeOptions = {
  /** A written file ends at about this size. */
  readonly targetBytes: number;
  readonly signal: AbortSignal;
};

/** Rows of a row group: enough for dictionaries and skipping, few enough to hold in memory. */
const rowGroupRowsMax = 65_536;
/** Bytes of them in memory: rows may be large documents. */
const rowGroupBytesMax = 64 << 20;
/** Zstd level for files that are written once and read often. */
const level = 3;

/**
 * Writes the rows of data files of one partition, in their order, into as few files as the target
 * allows. One row group's rows and one file's encoded bytes are in memory. Nobody sees the files
 * before they are committed. Errors: as `scanFile` and `writeDataFile`.
 */
export async function mergeFiles(
  engine: Engine,
  table: RewrittenTable,
  files: readonly AddFile[],
  { targetBytes, signal }: MergeOptions,
): Promise<AddFile[]> {
  const layout = rewriteLayout(table);
  const { schema } = layout;
  const partitionValues = files[0]?.partitionValues ?? {};
  const written: AddFile[] = [];
  let [waiting, rows, waitingBytes]: [ColumnBatch[], number, number] = [[], 0, 0];
  let rowGroups: EncodedRowGroup[] = [];
  let statistics: FileStatistics[] = [];
  let bytes = 0;
  const endRowGroup = (): void => {
    if (rows === 0) return;
    const encoded = encodeWithStatistics(concatBatches(waiting, schema), schema, {
      ...statisticsOptions(table.properties),
      level,
    });
    rowGroups.push(encoded.rowGroup);
    statistics.push(encoded.statistics);
    bytes += encoded.rowGroup.bytes.length;
    [waiting, rows, waitingBytes] = [[], 0, 0];
  };
  const endFile = async (): Promise<void> => {
    endRowGroup();
    if (rowGroups.length === 0) return;
    const file = { schema, partitionValues, rowGroups, statistics: mergeStatistics(statistics) };
    written.push(await writeDataFile(engine, file, { signal }));
    [rowGroups, statistics, bytes] = [[], [], 0];
  };
  const ahead = readAhead(engine, files, signal);
  for (const [index, add] of files.entries()) {
    ahead.reach(index);
    for await (const batch of scanForRewrite(ahead.engine, table, add, { layout, signal })) {
      if (batch.length === 0) continue;
      const size = batchBytes(batch);
      const isFull = rows + batch.length > rowGroupRowsMax ||
        waitingBytes + size > rowGroupBytesMax;
      if (isFull) endRowGroup();
      if (bytes >= targetBytes) await endFile();
      waiting.push(batch);
      rows += batch.length;
      waitingBytes += size;
    }
  }
  await endFile();
  return written;
}
