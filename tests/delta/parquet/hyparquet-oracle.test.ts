import { expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import * as fc from "fast-check";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { batchFromRows, type Value } from "../../../src/delta/columns/column-builder.ts";
import { assembleParquetFile, encodeRowGroup } from "../../../src/delta/parquet/writer.ts";
import type { DataType, StructType } from "../../../src/delta/schema/data-type.ts";
import { arbitraryTable, type Row } from "./arbitrary-rows.ts";

/** hyparquet keeps these: it rounds decimals, and its maps are objects with string keys. */
function isKept(type: DataType): boolean {
  switch (type.kind) {
    case "decimal":
    case "map":
      return false;
    case "struct":
      return type.fields.every((field) => isKept(field.type));
    case "array":
      return isKept(type.elementType);
    default:
      return true;
  }
}

const parsers = {
  timestampFromMicroseconds: (micros: bigint) => micros,
  dateFromDays: (days: number) => days,
};

/** Our value as hyparquet gives it with these parsers. */
function plain(value: Value | undefined, type: DataType): unknown {
  if (value === null || value === undefined) return undefined;
  switch (type.kind) {
    case "binary":
      return [...value as Uint8Array];
    case "array":
      return (value as readonly Value[]).map((item) => plain(item, type.elementType));
    case "struct":
      return plainStruct(value as Row, type);
    default:
      return value;
  }
}

function plainStruct(row: Row, type: StructType): unknown {
  return Object.fromEntries(type.fields.map((f) => [f.name, plain(row[f.name], f.type)]));
}

/** hyparquet's nulls and byte arrays in the same form. */
function same(value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(same);
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, same(item)]));
}

test("hyparquet reads what we write, whatever the schema", async () => {
  const table = arbitraryTable().filter(({ schema, rows }) => isKept(schema) && rows.length > 0);
  await fc.assert(
    fc.asyncProperty(table, fc.boolean(), async ({ schema, rows }, dictionary) => {
      const group = encodeRowGroup(batchFromRows(schema, rows), schema, { dictionary });
      const bytes = Buffer.concat(assembleParquetFile(schema, [group], { createdBy: "test" }));
      const file = new Uint8Array(bytes).buffer;
      const read = await parquetReadObjects({ file, compressors, parsers, utf8: false });
      expect(read.map(same)).toEqual(rows.map((row) => plainStruct(row, schema)));
    }),
    { numRuns: 100 },
  );
}, 60_000);
