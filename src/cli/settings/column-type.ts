import type { DataType, PrimitiveKind, StructField } from "../../delta/schema/data-type.ts";
import { invalid, ok, type Reading } from "./value-type.ts";

/** Nesting of a written type; beyond it the text is a mistake. */
const typeDepthMax = 32;

const primitives: Readonly<Record<string, PrimitiveKind>> = {
  string: "string",
  long: "long",
  bigint: "long",
  integer: "integer",
  int: "integer",
  short: "short",
  smallint: "short",
  byte: "byte",
  tinyint: "byte",
  float: "float",
  double: "double",
  boolean: "boolean",
  binary: "binary",
  date: "date",
  timestamp: "timestamp",
  timestamp_ntz: "timestamp_ntz",
};

const fixText = "write a type such as string, long, double, decimal(10,2), timestamp, " +
  "array<string>, map<string,long> or struct<a:long,b:string>";

type Cursor = { readonly text: string; at: number };

/** Reads a SQL type: `decimal(10,2)`, `array<struct<a:long,b:string>>`. */
export function parseColumnType(text: string): Reading<DataType> {
  const cursor: Cursor = { text, at: 0 };
  const type = readType(cursor, 0);
  skipBlanks(cursor);
  return type === null || cursor.at < text.length
    ? invalid(`"${text}" is not a column type`, fixText)
    : ok(type);
}

/** The type as `parseColumnType` reads it. */
export function formatColumnType(type: DataType): string {
  switch (type.kind) {
    case "decimal":
      return `decimal(${type.precision},${type.scale})`;
    case "array":
      return `array<${formatColumnType(type.elementType)}>`;
    case "map":
      return `map<${formatColumnType(type.keyType)},${formatColumnType(type.valueType)}>`;
    case "struct":
      return `struct<${
        type.fields.map((f) => `${quoteName(f.name)}:${formatColumnType(f.type)}`).join(",")
      }>`;
    default:
      return type.kind;
  }
}

function quoteName(name: string): string {
  return /^\w+$/.test(name) ? name : `\`${name.replaceAll("`", "``")}\``;
}

function readType(cursor: Cursor, depth: number): DataType | null {
  if (depth > typeDepthMax) return null;
  const word = readWord(cursor)?.toLowerCase();
  if (word === undefined) return null;
  switch (word) {
    case "decimal":
      return readDecimal(cursor);
    case "array": {
      if (!take(cursor, "<")) return null;
      const elementType = readType(cursor, depth + 1);
      if (elementType === null || !take(cursor, ">")) return null;
      return { kind: "array", elementType, containsNull: true };
    }
    case "map": {
      if (!take(cursor, "<")) return null;
      const keyType = readType(cursor, depth + 1);
      if (keyType === null || !take(cursor, ",")) return null;
      const valueType = readType(cursor, depth + 1);
      if (valueType === null || !take(cursor, ">")) return null;
      return { kind: "map", keyType, valueType, valueContainsNull: true };
    }
    case "struct":
      return readStruct(cursor, depth);
    default: {
      const kind = Object.hasOwn(primitives, word) ? primitives[word] : undefined;
      return kind === undefined ? null : { kind };
    }
  }
}

function readDecimal(cursor: Cursor): DataType | null {
  if (!take(cursor, "(")) return { kind: "decimal", precision: 10, scale: 0 };
  const precision = Number(readWord(cursor) ?? "x");
  const scale = take(cursor, ",") ? Number(readWord(cursor) ?? "x") : 0;
  if (!take(cursor, ")")) return null;
  const fits = Number.isInteger(precision) && Number.isInteger(scale) &&
    precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision;
  return fits ? { kind: "decimal", precision, scale } : null;
}

function readStruct(cursor: Cursor, depth: number): DataType | null {
  if (!take(cursor, "<")) return null;
  const fields: StructField[] = [];
  do {
    const name = readName(cursor);
    if (name === null || !take(cursor, ":")) return null;
    const type = readType(cursor, depth + 1);
    if (type === null || fields.some((f) => f.name.toLowerCase() === name.toLowerCase())) {
      return null;
    }
    fields.push({ name, type, nullable: true, metadata: {} });
  } while (take(cursor, ","));
  return take(cursor, ">") ? { kind: "struct", fields } : null;
}

function readName(cursor: Cursor): string | null {
  skipBlanks(cursor);
  const quoted = /^`((?:[^`]|``)+)`/.exec(cursor.text.slice(cursor.at));
  if (quoted === null) return readWord(cursor);
  cursor.at += quoted[0].length;
  return (quoted[1] ?? "").replaceAll("``", "`");
}

function readWord(cursor: Cursor): string | null {
  skipBlanks(cursor);
  const word = /^\w+/.exec(cursor.text.slice(cursor.at))?.[0];
  if (word === undefined) return null;
  cursor.at += word.length;
  return word;
}

function take(cursor: Cursor, char: string): boolean {
  skipBlanks(cursor);
  if (cursor.text[cursor.at] !== char) return false;
  cursor.at++;
  return true;
}

function skipBlanks(cursor: Cursor): void {
  while (cursor.text[cursor.at] === " ") cursor.at++;
}
