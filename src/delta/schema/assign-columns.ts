import { nameKey } from "./column-name.ts";
import { columnId, columnIdKey, physicalNameKey } from "./column-mapping.ts";
import { type DataType, struct, type StructField, type StructType } from "./data-type.ts";

/** What has to be known of a table to give new columns their ids. */
export type AssignOptions = {
  /** The largest id that the table ever had. */
  readonly maxColumnId: number;
  readonly uuid: () => string;
};

/**
 * Gives every field of a mapped table's grown schema that has no id, at any depth, what the committed
 * field of the same name has, or else a new id and a physical name that no column ever had
 * (PROTOCOL.md, "Column Mapping"). Fields that have an id are left as they are.
 */
export function assignColumns(
  schema: StructType,
  committed: StructType,
  { maxColumnId, uuid }: AssignOptions,
): StructType {
  let last = Math.max(maxColumnId, maxIdOf(schema), maxIdOf(committed));
  const assign = (type: DataType, known: DataType | null): DataType => {
    switch (type.kind) {
      case "struct": {
        const fields = known?.kind === "struct" ? known.fields : [];
        const byName = new Map(fields.map((field) => [nameKey(field.name), field]));
        return struct(type.fields.map((field) => {
          const earlier = byName.get(nameKey(field.name)) ?? null;
          const metadata = metadataOf(field, earlier, () => ({
            [columnIdKey]: ++last,
            [physicalNameKey]: `col-${uuid()}`,
          }));
          return { ...field, metadata, type: assign(field.type, earlier?.type ?? null) };
        }));
      }
      case "array": {
        const element = known?.kind === "array" ? known.elementType : null;
        return { ...type, elementType: assign(type.elementType, element) };
      }
      case "map": {
        const of = known?.kind === "map" ? known : null;
        const keyType = assign(type.keyType, of?.keyType ?? null);
        return { ...type, keyType, valueType: assign(type.valueType, of?.valueType ?? null) };
      }
      default:
        return type;
    }
  };
  return assign(schema, committed) as StructType;
}

function metadataOf(
  field: StructField,
  committed: StructField | null,
  fresh: () => StructField["metadata"],
): StructField["metadata"] {
  if (columnId(field) !== null) return field.metadata;
  return committed === null ? { ...field.metadata, ...fresh() } : committed.metadata;
}

/** The largest column id of a schema, 0 without any. */
export function maxIdOf(type: DataType): number {
  switch (type.kind) {
    case "struct":
      return type.fields.reduce(
        (max, field) => Math.max(max, columnId(field) ?? 0, maxIdOf(field.type)),
        0,
      );
    case "array":
      return maxIdOf(type.elementType);
    case "map":
      return Math.max(maxIdOf(type.keyType), maxIdOf(type.valueType));
    default:
      return 0;
  }
}
