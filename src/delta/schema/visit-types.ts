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

/** Calls `visit` with every field of a struct, at any depth, outer ones first. */
export function visitFields(type: DataType, visit: (field: StructField) => void): void {
  switch (type.kind) {
    case "struct":
      for (const field of type.fields) {
        visit(field);
        visitFields(field.type, visit);
      }
      break;
    case "array":
      visitFields(type.elementType, visit);
      break;
    case "map":
      visitFields(type.keyType, visit);
      visitFields(type.valueType, visit);
      break;
    default:
      break;
  }
}
