import { CdcDeltaError } from "../../errors.ts";
import {
  type DataType,
  type JsonValue,
  struct,
  type StructField,
  type StructType,
} from "./data-type.ts";

/** How columns are found in files (PROTOCOL.md, "Column Mapping"). */
export type ColumnMapping = "none" | "name" | "id";

/** Keys of a field's metadata (PROTOCOL.md, "Column Mapping"). */
export const physicalNameKey = "delta.columnMapping.physicalName";
export const columnIdKey = "delta.columnMapping.id";
const nestedIdsKey = "delta.columnMapping.nested.ids";

/** True for a mode that PROTOCOL.md knows. */
export function isColumnMapping(mode: string): mode is ColumnMapping {
  return mode === "none" || mode === "name" || mode === "id";
}

/**
 * A field's name in data files, partition values and statistics. Errors: `log-corrupt` for a field
 * of a mapped table without one.
 */
export function physicalName(field: StructField, mapping: ColumnMapping): string {
  if (mapping === "none") return field.name;
  const name = field.metadata[physicalNameKey];
  if (typeof name === "string" && name !== "") return name;
  throw new CdcDeltaError(
    "log-corrupt",
    `Column "${field.name}" of a table with column mapping has no ${physicalNameKey}`,
  );
}

/** A field's id in data files of a table mapped by id; null: it has none. */
export function columnId(field: StructField): number | null {
  const id = field.metadata[columnIdKey];
  return typeof id === "number" && Number.isInteger(id) ? id : null;
}

/**
 * Ids of the elements, keys and values of a field's arrays and maps, by paths such as
 * `<physical name>.key.element`; null: it has none (PROTOCOL.md, "IcebergCompatV2").
 */
export function nestedIds(field: StructField): { readonly [path: string]: JsonValue } | null {
  const ids = field.metadata[nestedIdsKey];
  return typeof ids === "object" && ids !== null && !Array.isArray(ids)
    ? ids as { readonly [path: string]: JsonValue }
    : null;
}

/**
 * Partition values by the names that the log knows the columns by. `values` are by their own names.
 */
export function physicalValues<T>(
  values: Readonly<Record<string, T>>,
  schema: StructType,
  mapping: ColumnMapping,
): Readonly<Record<string, T>> {
  if (mapping === "none") return values;
  const names = new Map(schema.fields.map((field) => [field.name, physicalName(field, mapping)]));
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [names.get(name) ?? name, value]),
  );
}

/** The schema with the names that files have, at every depth; order and metadata stay. */
export function physicalSchema(schema: StructType, mapping: ColumnMapping): StructType {
  if (mapping === "none") return schema;
  return struct(schema.fields.map((field) => ({
    ...field,
    name: physicalName(field, mapping),
    type: physicalType(field.type, mapping),
  })));
}

function physicalType(type: DataType, mapping: ColumnMapping): DataType {
  switch (type.kind) {
    case "struct":
      return physicalSchema(type, mapping);
    case "array":
      return { ...type, elementType: physicalType(type.elementType, mapping) };
    case "map":
      return {
        ...type,
        keyType: physicalType(type.keyType, mapping),
        valueType: physicalType(type.valueType, mapping),
      };
    default:
      return type;
  }
}
