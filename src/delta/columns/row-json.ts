import type { DataType, StructType } from "../schema/data-type.ts";
import { CdcDeltaError } from "../../errors.ts";
import { bytesAt, decimalAt, textAt } from "./column-value.ts";
import type { Column, ColumnBatch } from "./column.ts";
import { dateText, decimalText, timestampText } from "./value-text.ts";

/** JSON text of the value at a row. */
type ValueText = (row: number) => string;

/**
 * A batch as NDJSON, one object a row, in the order of the schema's fields. Integers and decimals are
 * numbers with all their digits, NaN and infinities strings, timestamps
 * `"2026-01-31T12:00:00.123456Z"` (without `Z` for timestamp_ntz), binary base64, string-keyed maps
 * objects, other maps lists of `{"key":…,"value":…}`, variants the JSON that they stand for; nulls are
 * kept.
 */
export function batchToNdjson(batch: ColumnBatch, schema: StructType): string {
  const row = structText(schema, batch.columns);
  let text = "";
  for (let i = 0; i < batch.length; i++) text += `${row(i)}\n`;
  return text;
}

/** The JSON text of single values of a column, by the rules of `batchToNdjson`. */
export function valueToJson(column: Column, type: DataType): ValueText {
  if (column.kind === "null") return () => "null";
  const { valid } = column;
  const present = presentText(column, type);
  return (row) => valid[row] === 1 ? present(row) : "null";
}

function presentText(column: Column, type: DataType): ValueText {
  switch (column.kind) {
    case "boolean":
      return (row) => column.values[row] === 1 ? "true" : "false";
    case "int32":
      return type.kind === "date"
        ? (row) => `"${dateText(column.values[row]!)}"`
        : (row) => `${column.values[row]!}`;
    case "int64":
      return int64Text(column.values, type);
    case "float":
    case "double":
      return (row) => numberText(column.values[row]!);
    case "decimal128": {
      if (type.kind !== "decimal") break;
      const { scale } = type;
      return (row) => decimalText(decimalAt(column, row), scale);
    }
    case "bytes":
      if (type.kind === "variant") return (row) => textAt(column, row);
      return type.kind === "string"
        ? (row) => JSON.stringify(textAt(column, row))
        : (row) => `"${base64(bytesAt(column, row))}"`;
    case "struct":
      if (type.kind !== "struct") break;
      return structText(type, column.children);
    case "list": {
      if (type.kind !== "array") break;
      const element = valueToJson(column.element, type.elementType);
      return (row) => listText(column.offsets, row, element);
    }
    case "map": {
      if (type.kind !== "map") break;
      const key = valueToJson(column.key, type.keyType);
      const value = valueToJson(column.value, type.valueType);
      if (type.keyType.kind === "string") {
        return (row) => `{${joined(column.offsets, row, (i) => `${key(i)}:${value(i)}`)}}`;
      }
      return (row) => listText(column.offsets, row, (i) => `{"key":${key(i)},"value":${value(i)}}`);
    }
    case "null":
      return () => "null";
  }
  throw new CdcDeltaError("internal", `A ${column.kind} column cannot hold a ${type.kind}`);
}

function int64Text(values: BigInt64Array, type: DataType): ValueText {
  switch (type.kind) {
    case "timestamp":
      return (row) => `"${timestampText(values[row]!)}Z"`;
    case "timestamp_ntz":
      return (row) => `"${timestampText(values[row]!)}"`;
    default:
      return (row) => values[row]!.toString();
  }
}

/** A float: not finite ones are strings, and -0 keeps its sign. */
export function numberText(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  return Number.isFinite(value) ? String(value) : `"${value}"`;
}

function structText(type: StructType, columns: readonly Column[]): ValueText {
  const members = type.fields.map((field, i) => ({
    name: `${i === 0 ? "{" : ","}${JSON.stringify(field.name)}:`,
    value: valueToJson(columns[i]!, field.type),
  }));
  if (members.length === 0) return () => "{}";
  return (row) => {
    let text = "";
    for (const { name, value } of members) text += name + value(row);
    return `${text}}`;
  };
}

function listText(offsets: Int32Array, row: number, item: ValueText): string {
  return `[${joined(offsets, row, item)}]`;
}

function joined(offsets: Int32Array, row: number, item: ValueText): string {
  const end = offsets[row + 1]!;
  let text = "";
  for (let i = offsets[row]!; i < end; i++) text += text === "" ? item(i) : `,${item(i)}`;
  return text;
}

/** Bytes in base64. */
export function base64(bytes: Uint8Array): string {
  let binary = "";
  // In pieces: a call takes only so many arguments.
  for (let i = 0; i < bytes.length; i += 8192) {
    binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return btoa(binary);
}
