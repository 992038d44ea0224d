import { CdcDeltaError } from "../../errors.ts";
import type { DataType } from "../schema/data-type.ts";
import type { Value } from "./column-builder.ts";
import type { BytesColumn, Column, ColumnBatch, Decimal128Column } from "./column.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The value at `row`, in the form that `columnBuilder(type)` takes; a variant's is its JSON text. */
export function valueAt(column: Column, type: DataType, row: number): Value {
  if (column.kind === "null" || column.valid[row] !== 1) return null;
  switch (column.kind) {
    case "boolean":
      return column.values[row] === 1;
    case "int32":
    case "int64":
    case "float":
    case "double":
      return column.values[row]!;
    case "decimal128":
      return decimalAt(column, row);
    case "bytes":
      return type.kind === "string" || type.kind === "variant"
        ? textAt(column, row)
        : bytesAt(column, row).slice();
    case "struct":
      if (type.kind !== "struct") throw mismatch(column, type);
      // Own properties, so that a field called `__proto__` is a field like any other.
      return Object.fromEntries(
        type.fields.map((f, i) => [f.name, valueAt(column.children[i]!, f.type, row)]),
      );
    case "list": {
      if (type.kind !== "array") throw mismatch(column, type);
      const items: Value[] = [];
      for (let i = column.offsets[row]!; i < column.offsets[row + 1]!; i++) {
        items.push(valueAt(column.element, type.elementType, i));
      }
      return items;
    }
    case "map": {
      if (type.kind !== "map") throw mismatch(column, type);
      const entries = new Map<Value, Value>();
      for (let i = column.offsets[row]!; i < column.offsets[row + 1]!; i++) {
        entries.set(
          valueAt(column.key, type.keyType, i),
          valueAt(column.value, type.valueType, i),
        );
      }
      return entries;
    }
  }
}

/** All rows of a batch as objects, for tests and small tables. */
export function rowsOfBatch(
  batch: ColumnBatch,
  schema: DataType & { readonly kind: "struct" },
): { readonly [name: string]: Value }[] {
  const rows: { readonly [name: string]: Value }[] = [];
  for (let row = 0; row < batch.length; row++) {
    rows.push(Object.fromEntries(
      schema.fields.map((f, i) => [f.name, valueAt(batch.columns[i]!, f.type, row)]),
    ));
  }
  return rows;
}

/** The unscaled decimal of a row that is not null. */
export function decimalAt(column: Decimal128Column, row: number): bigint {
  return column.values[2 * row + 1]! << 64n | BigInt.asUintN(64, column.values[2 * row]!);
}

/** The bytes of a row, a view. */
export function bytesAt(column: BytesColumn, row: number): Uint8Array {
  return column.data.subarray(column.offsets[row], column.offsets[row + 1]);
}

/** The text of a row that is not null. */
export function textAt(column: BytesColumn, row: number): string {
  return decoder.decode(bytesAt(column, row));
}

function mismatch(column: Column, type: DataType): CdcDeltaError {
  return new CdcDeltaError("internal", `A ${column.kind} column cannot hold a ${type.kind}`);
}
