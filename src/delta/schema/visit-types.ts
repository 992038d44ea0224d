import type { DataType, StructField } from "./data-type.ts";

/** Whether the type, or one nested in it at any depth, matches. */
export function someType(type: DataType, matches: (type: DataType) => boolean): boolean {
  if (matches(type)) return true;
  switch (type.kind) {
    case "struct":
      return type.fields.some((field) => someType(field.type, matches));
    case "array":
      return someType(type.elementType, matches);
    case "map":
      return someType(type.keyType, matches) || someType(type.valueType, matches);
    default:
      return false;
  }
}

/** Whether a field of a struct, at any depth, matches. */
export function someField(type: DataType, matches: (field: StructField) => boolean): boolean {
  return someType(type, (t) => t.kind === "struct" && t.fields.some(matches));
}
