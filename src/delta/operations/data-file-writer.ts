import type { Engine } from "../engine.ts";
import type { AddFile } from "../log/actions.ts";
import { createdBy } from "../log/engine-info.ts";
import type { EncodedRowGroup } from "../parquet/encoded-row-group.ts";
import { type FileStatistics, mergeStatistics } from "../parquet/statistics.ts";
import { parquetHead, parquetTail, type RowGroupFacts, rowGroupFacts } from "../parquet/writer.ts";
import { objectWriter } from "../storage/object-writer.ts";
import { type DataFile, newDataFile } from "./append.ts";

/** A data file that is written row group by row group; only the last bytes of it are in memory. */
export type DataFileWriter = {
  /** Bytes of the row groups so far. */
  readonly sizeBytes: number;
  /** Takes a copy of the row group's bytes. Errors: the store's. */
  append(rowGroup: EncodedRowGroup, statistics: FileStatistics): Promise<void>;
  /** The action that adds the file, which nobody sees until it is committed. Errors: the store's. */
  finish(): Promise<AddFile>;
  /** Gives the file up. Never fails. */
  abort(): Promise<void>;
};

/** Begins a data file in its partition's folder, like `writeDataFile` in pieces. */
export function dataFileWriter(
  engine: Engine,
  file: Omit<DataFile, "rowGroups" | "statistics">,
  { signal }: { readonly signal: AbortSignal },
): DataFileWriter {
  const { key, schema, action } = newDataFile(engine, file);
  const object = objectWriter(engine.store, key, { signal });
  const groups: RowGroupFacts[] = [];
  let statistics: FileStatistics | null = null;
  let sizeBytes = 0;
  return {
    get sizeBytes() {
      return sizeBytes;
    },
    async append(rowGroup, own) {
      if (groups.length === 0) await object.write(parquetHead());
      await object.write(rowGroup.bytes);
      sizeBytes += rowGroup.bytes.length;
      groups.push(rowGroupFacts(rowGroup));
      statistics = statistics === null ? own : mergeStatistics([statistics, own]);
    },
    async finish() {
      for (const bytes of parquetTail(schema, groups, { createdBy })) await object.write(bytes);
      return action(await object.finish(), statistics ?? { numRecords: 0, leaves: [] });
    },
    abort: () => object.abort(),
  };
}
