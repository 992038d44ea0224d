import { CdcDeltaError } from "../../errors.ts";
import { type DataType, struct, type StructField, type StructType } from "./data-type.ts";

/** How columns are found in files (PROTOCOL.md, "Column Mapping"). */
export type ColumnMapping = "none" | "name" | "id";

const physicalNameKey = "delta.columnMapping.physicalName";
const idKey = "delta.columnMapping.id";

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
  const id = field.metadata[idKey];
  return typeof id === "number" && Number.isInteger(id) ? id : null;
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
