import type { Engine } from "../engine.ts";
import type { AddFile, RemoveFile } from "../log/actions.ts";
import type { EncodedRowGroup } from "../parquet/encoded-row-group.ts";
import { type FileStatistics, mergeStatistics } from "../parquet/statistics.ts";
import { encodeWithStatistics } from "../parquet/writer.ts";
import { writeDataFile } from "./append.ts";
import { rewriteLayout, type RewrittenTable, scanForRewrite } from "./rewrite-layout.ts";

/** A rewritten file ends at about this size, so that no more than that is held in memory. */
const fileBytesMax = 128 << 20;

/**
 * Writes the rows of a data file anew with the columns and types of `table.schema`, row group by row
 * group. No rows, no file; a large file may become several. Nobody sees them before they are
 * committed. Errors: as `scanFile` and `writeDataFile`.
 */
export async function rewriteFile(
  engine: Engine,
  table: RewrittenTable,
  add: AddFile,
  { signal }: { readonly signal: AbortSignal },
): Promise<AddFile[]> {
  const layout = rewriteLayout(table);
  const { schema, format } = layout;
  const encoding = { ...format.statistics, codec: format.codec };
  const written: AddFile[] = [];
  let rowGroups: EncodedRowGroup[] = [];
  let statistics: FileStatistics[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    if (rowGroups.length === 0) return;
    const { partitionValues } = add;
    const merged = mergeStatistics(statistics);
    const file = { schema, format, partitionValues, rowGroups, statistics: merged };
    written.push(await writeDataFile(engine, file, { signal }));
    rowGroups = [];
    statistics = [];
    bytes = 0;
  };
  for await (const batch of scanForRewrite(engine, table, add, { layout, signal })) {
    if (batch.length === 0) continue;
    const encoded = encodeWithStatistics(batch, schema, encoding);
    rowGroups.push(encoded.rowGroup);
    statistics.push(encoded.statistics);
    bytes += encoded.rowGroup.bytes.length;
    if (bytes > fileBytesMax) await flush();
  }
  await flush();
  return written;
}

/** The action that takes a file out of the table, its rows being elsewhere now. */
export function removalOf(add: AddFile, nowMs: number): RemoveFile {
  return {
    path: add.path,
    deletionTimestamp: nowMs,
    dataChange: false,
    extendedFileMetadata: true,
    partitionValues: add.partitionValues,
    size: add.size,
    ...(add.tags === undefined ? {} : { tags: add.tags }),
    ...(add.deletionVector === undefined ? {} : { deletionVector: add.deletionVector }),
    ...(add.baseRowId === undefined ? {} : { baseRowId: add.baseRowId }),
    ...(add.defaultRowCommitVersion === undefined
      ? {}
      : { defaultRowCommitVersion: add.defaultRowCommitVersion }),
  };
}
