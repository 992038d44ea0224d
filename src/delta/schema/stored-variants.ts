import { type DataType, struct, type StructType } from "./data-type.ts";

/** The schema with its variants, at every depth, as they are stored instead of as JSON text. */
export function storedVariants(schema: StructType): StructType {
  return struct(schema.fields.map((field) => ({ ...field, type: stored(field.type) })));
}

function stored(type: DataType): DataType {
  switch (type.kind) {
    case "variant":
      return { kind: "variant", stored: true };
    case "struct":
      return storedVariants(type);
    case "array":
      return { ...type, elementType: stored(type.elementType) };
    case "map":
      return { ...type, keyType: stored(type.keyType), valueType: stored(type.valueType) };
    default:
      return type;
  }
}
