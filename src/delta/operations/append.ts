import type { Engine } from "../engine.ts";
import type { AddFile, PartitionValues } from "../log/actions.ts";
import { createdBy } from "../log/engine-info.ts";
import { encodePath, partitionFolder } from "../log/partition-path.ts";
import type { EncodedRowGroup } from "../parquet/encoded-row-group.ts";
import { statisticsJson } from "../parquet/statistics-json.ts";
import type { FileStatistics } from "../parquet/statistics.ts";
import { assembleParquetFile } from "../parquet/writer.ts";
import { physicalName, physicalSchema } from "../schema/column-mapping.ts";
import { struct, type StructType } from "../schema/data-type.ts";
import { type FileFormat, plainFormat } from "./file-format.ts";

export type DataFile = {
  /** The table's columns, or the file's: those of `partitionValues` are left out. */
  readonly schema: StructType;
  /** One serialized value for each partition column, in their order, by the names in the log. */
  readonly partitionValues: PartitionValues;
  /** Default: what a table gets that asks for nothing. */
  readonly format?: FileFormat;
  /** Encoded against the schema without partition columns (unless the format has them in files). */
  readonly rowGroups: readonly EncodedRowGroup[];
  readonly statistics: FileStatistics;
};

/** A data file to be: what it is called, what it holds, and the action that adds it. */
export type NewDataFile = {
  readonly key: string;
  /** What the file holds: the given schema without the partition's columns. */
  readonly schema: StructType;
  action(sizeBytes: number, statistics: FileStatistics): AddFile;
};

/** Names a new data file in its folder. Columns have the names there that the log knows them by. */
export function newDataFile(
  engine: Engine,
  { schema: whole, partitionValues, format = plainFormat }: Omit<
    DataFile,
    "rowGroups" | "statistics"
  >,
): NewDataFile {
  const { columnMapping, codec, partitionColumnsInFiles, prefixLength } = format;
  const columns = Object.keys(partitionValues);
  const inFolder = new Set(partitionColumnsInFiles ? [] : columns);
  const kept = whole.fields.filter((field) => !inFolder.has(physicalName(field, columnMapping)));
  const name = `part-00000-${engine.random.uuid()}.${codec}.parquet`;
  const folder = prefixLength > 0
    ? `${engine.random.uuid().replaceAll("-", "").slice(-prefixLength)}/`
    : partitionFolder(columns, partitionValues);
  const key = `${folder}${name}`;
  return {
    key,
    schema: physicalSchema(struct(kept), columnMapping),
    action: (size, statistics) => ({
      path: encodePath(key),
      partitionValues,
      size,
      modificationTime: engine.clock.nowMs(),
      dataChange: true,
      stats: statisticsJson(statistics, struct(kept), columnMapping),
    }),
  };
}

/**
 * Writes a new data file into its partition's folder and returns the action that adds it. Until
 * that is committed nobody sees the file. Errors: the store's.
 */
export async function writeDataFile(
  engine: Engine,
  file: DataFile,
  { signal }: { readonly signal: AbortSignal },
): Promise<AddFile> {
  const { key, schema, action } = newDataFile(engine, file);
  const chunks = assembleParquetFile(schema, file.rowGroups, { createdBy });
  await engine.store.put(key, chunks, { signal });
  return action(chunks.reduce((size, chunk) => size + chunk.byteLength, 0), file.statistics);
}
