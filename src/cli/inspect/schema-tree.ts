import type { DataType, StructField, StructType } from "../../delta/schema/data-type.ts";
import { typeName } from "../../delta/schema/type-name.ts";

/**
 * A schema as a tree, one column a line, in the manner of Spark's `printSchema`. Pure.
 *
 *     |-- items: array
 *     |    |-- element: struct
 *     |    |    |-- sku: string
 */
export function schemaTree(schema: StructType, partitionColumns: readonly string[]): string[] {
  return schema.fields.flatMap((field) =>
    fieldLines(field, " ", partitionColumns.includes(field.name) ? ["partition column"] : [])
  );
}

function fieldLines(field: StructField, margin: string, notes: readonly string[]): string[] {
  const all = field.nullable ? notes : [...notes, "not null"];
  return nodeLines(field.name, field.type, margin, all);
}

function nodeLines(
  name: string,
  type: DataType,
  margin: string,
  notes: readonly string[],
): string[] {
  const nested = type.kind === "struct" || type.kind === "array" || type.kind === "map";
  const shown = nested ? type.kind : typeName(type);
  const note = notes.length === 0 ? "" : ` (${notes.join(", ")})`;
  const line = `${margin}|-- ${printable(name)}: ${shown}${note}`;
  return [line, ...childLines(type, `${margin}|    `)];
}

function childLines(type: DataType, margin: string): string[] {
  switch (type.kind) {
    case "struct":
      return type.fields.flatMap((field) => fieldLines(field, margin, []));
    case "array": {
      const notes = type.containsNull ? [] : ["not null"];
      return nodeLines("element", type.elementType, margin, notes);
    }
    case "map": {
      const notes = type.valueContainsNull ? [] : ["not null"];
      return [
        ...nodeLines("key", type.keyType, margin, []),
        ...nodeLines("value", type.valueType, margin, notes),
      ];
    }
    default:
      return [];
  }
}

/** Control characters in a name would break the tree (or the terminal). */
function printable(name: string): string {
  return /^[^\p{C}]+$/u.test(name) ? name : JSON.stringify(name);
}
