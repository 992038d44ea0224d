import type { ColumnMetaData } from "hyparquet";
import type { Value } from "../columns/column-builder.ts";
import type { FileNode } from "../parquet/file-schema.ts";
import type { ParquetFile } from "../parquet/reader.ts";
import { columnId, type ColumnMapping, physicalName } from "../schema/column-mapping.ts";
import type { ResolvedPath } from "../schema/column-path.ts";
import type { DataType, StructField } from "../schema/data-type.ts";
import { boundsBetween, type BoundsOf, unknownBounds } from "./value-bounds.ts";

/**
 * What the footer of a data file says of one row group's values (parquet-format, "Statistics").
 * Only columns that are found for certain, of types whose order is beyond doubt. Pure.
 */
export function rowGroupBounds(
  file: ParquetFile,
  index: number,
  mapping: ColumnMapping,
): BoundsOf {
  const group = file.metadata.row_groups[index];
  return (column) => {
    const node = leafOf(file.fields, column.fields, mapping);
    const meta = node === null ? undefined : group?.columns[node.leaf]?.meta_data;
    if (node === null || group === undefined || meta === undefined) return unknownBounds;
    return boundsOfChunk(node, meta, { rows: group.num_rows, column });
  };
}

function leafOf(
  nodes: readonly FileNode[],
  fields: readonly StructField[],
  mapping: ColumnMapping,
): FileNode | null {
  let below = nodes;
  let found: FileNode | null = null;
  for (const field of fields) {
    const id = mapping === "id" ? columnId(field) : null;
    if (mapping === "id" && id === null) return null;
    const alike = below.filter((node) =>
      mapping === "id" ? node.element.field_id === id : node.name === physicalName(field, mapping)
    );
    if (alike.length !== 1 || alike[0] === undefined || alike[0].isRepeated) return null;
    found = alike[0];
    below = found.children;
  }
  return found !== null && found.leaf >= 0 ? found : null;
}

function boundsOfChunk(
  { element }: FileNode,
  { statistics, num_values: values }: ColumnMetaData,
  { rows, column: { type } }: { readonly rows: bigint; readonly column: ResolvedPath },
): ReturnType<BoundsOf> {
  if (statistics === undefined || values !== rows) return unknownBounds;
  const { null_count: count } = statistics;
  const nulls = count === rows ? "all" : count === 0n ? "none" : "maybe";
  const convert = converterOf(element, type);
  if (convert === null) return { ...unknownBounds, nulls };
  const min = convert(statistics.min_value);
  const max = convert(statistics.max_value);
  return boundsBetween({ nulls, min, max }, type);
}

type Convert = (value: unknown) => Value;

/** Null for types whose statistics are lossy, or whose order depends on the writer. */
function converterOf(
  { type: stored, converted_type: converted, logical_type: logical }: FileNode["element"],
  type: DataType,
): Convert | null {
  const isPlain = converted === undefined && logical === undefined ||
    ["INT_8", "INT_16", "INT_32", "INT_64"].includes(converted ?? "");
  switch (type.kind) {
    case "byte":
    case "short":
    case "integer":
      return stored === "INT32" && isPlain ? numberOf : null;
    case "long":
      return isPlain && (stored === "INT32" || stored === "INT64") ? bigintOf : null;
    case "float":
      return stored === "FLOAT" ? numberOf : null;
    case "double":
      return stored === "DOUBLE" ? numberOf : null;
    case "date":
      return stored === "INT32" && converted === "DATE" ? numberOf : null;
    case "timestamp":
    case "timestamp_ntz":
      // Nobody would have told what plain integers count.
      return stored === "INT64" && !isPlain ? timeOf : null;
    case "string":
      return stored === "BYTE_ARRAY" ? (value) => typeof value === "string" ? value : null : null;
    default:
      return null;
  }
}

const numberOf: Convert = (value) => typeof value === "number" ? value : null;
const timeOf: Convert = (value) => typeof value === "bigint" ? value : null;
const bigintOf: Convert = (value) =>
  typeof value === "bigint" || typeof value === "number" ? BigInt(value) : null;
