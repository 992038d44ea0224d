import type { DataType } from "../../delta/schema/data-type.ts";
import { assert } from "../../errors.ts";
import {
  type ColumnNode,
  kindBinary,
  kindBoolean,
  kindByte,
  kindDate,
  kindDecimal,
  kindDouble,
  kindFloat,
  kindForeign,
  kindInteger,
  kindList,
  kindLong,
  kindShort,
  kindString,
  kindStruct,
  kindTimestamp,
} from "./column-node.ts";

export type ColumnShape = {
  readonly kind: number;
  readonly precision: number;
  readonly scale: number;
};

const kinds: Readonly<Record<DataType["kind"], number>> = {
  string: kindString,
  long: kindLong,
  integer: kindInteger,
  short: kindShort,
  byte: kindByte,
  float: kindFloat,
  double: kindDouble,
  boolean: kindBoolean,
  binary: kindBinary,
  date: kindDate,
  timestamp: kindTimestamp,
  timestamp_ntz: kindForeign,
  void: kindForeign,
  variant: kindForeign,
  decimal: kindDecimal,
  array: kindList,
  map: kindForeign,
  struct: kindStruct,
};

/** How a Delta type is filled. */
export function columnKindOf(type: DataType): ColumnShape {
  if (type.kind !== "decimal") return { kind: kinds[type.kind], precision: 0, scale: 0 };
  return { kind: kindDecimal, precision: type.precision, scale: type.scale };
}

const types: Readonly<Record<number, DataType>> = {
  [kindString]: { kind: "string" },
  [kindLong]: { kind: "long" },
  [kindInteger]: { kind: "integer" },
  [kindShort]: { kind: "short" },
  [kindByte]: { kind: "byte" },
  [kindFloat]: { kind: "float" },
  [kindDouble]: { kind: "double" },
  [kindBoolean]: { kind: "boolean" },
  [kindBinary]: { kind: "binary" },
  [kindDate]: { kind: "date" },
  [kindTimestamp]: { kind: "timestamp" },
};

/** The Delta type of a leaf column. */
export function dataTypeOf(node: ColumnNode): DataType {
  if (node.kind === kindDecimal) {
    return { kind: "decimal", precision: node.precision, scale: node.scale };
  }
  const type = node.kind === kindForeign ? node.existingType : types[node.kind];
  assert(type !== undefined && type !== null, `column kind ${node.kind} has a type`);
  return type;
}
