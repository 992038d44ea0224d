import type { DataType } from "./data-type.ts";

/** The type as Delta's DDL spells it: `array<struct<a: integer, b: decimal(10,2)>>`. */
export function typeName(type: DataType): string {
  switch (type.kind) {
    case "decimal":
      return `decimal(${type.precision},${type.scale})`;
    case "array":
      return `array<${typeName(type.elementType)}>`;
    case "map":
      return `map<${typeName(type.keyType)},${typeName(type.valueType)}>`;
    case "struct":
      return `struct<${type.fields.map((f) => `${f.name}: ${typeName(f.type)}`).join(", ")}>`;
    default:
      return type.kind;
  }
}

/** Whether two types are the same, names, nullability and order of fields included. */
export function sameType(a: DataType, b: DataType): boolean {
  if (a.kind !== b.kind) return false;
  switch (a.kind) {
    case "decimal":
      return b.kind === "decimal" && a.precision === b.precision && a.scale === b.scale;
    case "array":
      return b.kind === "array" && a.containsNull === b.containsNull &&
        sameType(a.elementType, b.elementType);
    case "map":
      return b.kind === "map" && a.valueContainsNull === b.valueContainsNull &&
        sameType(a.keyType, b.keyType) && sameType(a.valueType, b.valueType);
    case "struct":
      return b.kind === "struct" && a.fields.length === b.fields.length &&
        a.fields.every((field, index) => {
          const other = b.fields[index];
          return other !== undefined && field.name === other.name &&
            field.nullable === other.nullable && sameType(field.type, other.type);
        });
    default:
      return true;
  }
}
