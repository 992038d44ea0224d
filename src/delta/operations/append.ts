import type { Engine } from "../engine.ts";
import type { AddFile, PartitionValues } from "../log/actions.ts";
import { createdBy } from "../log/engine-info.ts";
import { encodePath, partitionFolder } from "../log/partition-path.ts";
import type { EncodedRowGroup } from "../parquet/encoded-row-group.ts";
import { statisticsJson } from "../parquet/statistics-json.ts";
import type { FileStatistics } from "../parquet/statistics.ts";
import { assembleParquetFile } from "../parquet/writer.ts";
import { struct, type StructType } from "../schema/data-type.ts";

export type DataFile = {
  /** The table's columns, or the file's: those of `partitionValues` are left out. */
  readonly schema: StructType;
  /** One serialized value for each partition column, in their order. */
  readonly partitionValues: PartitionValues;
  /** Encoded against the schema without partition columns. */
  readonly rowGroups: readonly EncodedRowGroup[];
  readonly statistics: FileStatistics;
};

/**
 * Writes a new data file into its partition's folder and returns the action that adds it. Until
 * that is committed nobody sees the file. Errors: the store's.
 */
export async function writeDataFile(
  engine: Engine,
  file: DataFile,
  { signal }: { readonly signal: AbortSignal },
): Promise<AddFile> {
  const columns = Object.keys(file.partitionValues);
  const inFolder = new Set(columns);
  const schema = struct(file.schema.fields.filter((field) => !inFolder.has(field.name)));
  const chunks = assembleParquetFile(schema, file.rowGroups, { createdBy });
  const name = `part-00000-${engine.random.uuid()}.zstd.parquet`;
  const key = `${partitionFolder(columns, file.partitionValues)}${name}`;
  await engine.store.put(key, chunks, { signal });
  return {
    path: encodePath(key),
    partitionValues: file.partitionValues,
    size: chunks.reduce((size, chunk) => size + chunk.byteLength, 0),
    modificationTime: engine.clock.nowMs(),
    dataChange: true,
    stats: statisticsJson(file.statistics, schema),
  };
}
