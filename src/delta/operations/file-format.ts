import type { DomainMetadata } from "../log/actions.ts";
import { protocolFeatures } from "../log/table-features.ts";
import { splitColumnPath } from "../schema/split-column-path.ts";
import type { TableState } from "../log/table-state.ts";
import type { Codec } from "../parquet/format.ts";
import type { StatisticsOptions } from "../parquet/statistics.ts";
import { type ColumnMapping, physicalName } from "../schema/column-mapping.ts";
import type { StructType } from "../schema/data-type.ts";

/** How a table wants its data files to be. Plain data that survives `structuredClone`. */
export type FileFormat = {
  readonly columnMapping: ColumnMapping;
  readonly codec: Codec;
  readonly statistics: StatisticsOptions;
  /** Files hold the partition columns as well (feature `materializePartitionColumns`). */
  readonly partitionColumnsInFiles: boolean;
  /** Letters of the random folder that files lie in; 0: the partition's folder. */
  readonly prefixLength: number;
};

/** What a table gets that asks for nothing. */
export const plainFormat: FileFormat = {
  columnMapping: "none",
  codec: "zstd",
  statistics: {},
  partitionColumnsInFiles: false,
  prefixLength: 0,
};

/** What decides the format of a table's files. */
export type FormattedTable = Pick<
  TableState,
  | "schema"
  | "partitionColumns"
  | "properties"
  | "columnMapping"
  | "metadata"
  | "protocol"
  | "domainMetadata"
>;

/** The format of a table's new files, as its properties and features want it. Pure. */
export function fileFormatOf(table: FormattedTable): FileFormat {
  const { metadata: { configuration }, columnMapping } = table;
  const partitionColumnsInFiles = protocolFeatures(table.protocol)
    .includes("materializePartitionColumns");
  const hiddenColumns = partitionColumnsInFiles ? table.partitionColumns : [];
  return {
    columnMapping,
    codec: codecOf(configuration["delta.parquet.compression.codec"]),
    statistics: { ...statisticsOptions(table), hiddenColumns },
    partitionColumnsInFiles,
    prefixLength: prefixLengthOf(configuration),
  };
}

const codecs: Readonly<Record<string, Codec>> = {
  none: "uncompressed",
  uncompressed: "uncompressed",
  snappy: "snappy",
  gzip: "gzip",
};

/** The property is a wish (PROTOCOL.md): for codecs that we do not write, files are zstd. */
function codecOf(wanted: string | undefined): Codec {
  const name = wanted?.trim().toLowerCase() ?? "";
  return Object.hasOwn(codecs, name) ? codecs[name]! : "zstd";
}

const prefixLengthMax = 32;

function prefixLengthOf(configuration: Readonly<Record<string, string>>): number {
  if (configuration["delta.randomizeFilePrefixes"]?.trim().toLowerCase() !== "true") return 0;
  const length = Number(configuration["delta.randomPrefixLength"] ?? "2");
  return Number.isInteger(length) && length > 0 ? Math.min(length, prefixLengthMax) : 2;
}

function statisticsOptions(
  { properties: { statisticsColumns }, schema, columnMapping, domainMetadata }: FormattedTable,
): StatisticsOptions {
  const domain = domainMetadata.get("delta.clustering");
  const alsoColumns = clusteringColumns(domain, schema, columnMapping);
  switch (statisticsColumns.kind) {
    case "first":
      return { numIndexedCols: statisticsColumns.count, alsoColumns };
    case "named":
      return { statsColumns: statisticsColumns.columns.map(splitColumnPath), alsoColumns };
  }
}

/**
 * The columns that a table is clustered by, which must have statistics (PROTOCOL.md, "Clustered
 * Table"). The log has lists of physical names, or single ones.
 */
function clusteringColumns(
  domain: DomainMetadata | undefined,
  schema: StructType,
  mapping: ColumnMapping,
): (readonly string[])[] {
  if (domain === undefined || domain.removed) return [];
  const columns = columnsOfDomain(domain.configuration);
  return columns.flatMap((path) => {
    const names = logicalPath(path, schema, mapping);
    return names === null ? [] : [names];
  });
}

function columnsOfDomain(configuration: string): (readonly string[])[] {
  let json: unknown;
  try {
    json = JSON.parse(configuration);
  } catch {
    return [];
  }
  const columns = (json as { readonly clusteringColumns?: unknown } | null)?.clusteringColumns;
  if (!Array.isArray(columns)) return [];
  return (columns as unknown[]).map((column) =>
    (Array.isArray(column) ? column as unknown[] : [column]).map(String)
  );
}

function logicalPath(
  path: readonly string[],
  schema: StructType,
  mapping: ColumnMapping,
): string[] | null {
  const [first, ...rest] = path;
  const field = schema.fields.find((each) => physicalName(each, mapping) === first);
  if (field === undefined) return null;
  if (rest.length === 0) return [field.name];
  if (field.type.kind !== "struct") return null;
  const below = logicalPath(rest, field.type, mapping);
  return below === null ? null : [field.name, ...below];
}
