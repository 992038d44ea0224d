import { expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import * as fc from "fast-check";
import { batchFromRows } from "../../../src/delta/columns/column-builder.ts";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import type { Codec } from "../../../src/delta/parquet/format.ts";
import { bytesSource, openParquet, readRowGroup } from "../../../src/delta/parquet/reader.ts";
import {
  assembleParquetFile,
  type EncodeOptions,
  encodeRowGroup,
} from "../../../src/delta/parquet/writer.ts";
import { field, struct, type StructType } from "../../../src/delta/schema/data-type.ts";
import { arbitraryTable, type Row } from "./arbitrary-rows.ts";

async function roundTrip(
  schema: StructType,
  groups: readonly Row[][],
  options: EncodeOptions = {},
): Promise<Row[]> {
  const encoded = groups.map((rows) =>
    encodeRowGroup(batchFromRows(schema, rows), schema, options)
  );
  const chunks = assembleParquetFile(schema, encoded, { createdBy: "test" });
  const file = await openParquet(bytesSource(new Uint8Array(Buffer.concat(chunks))));
  expect(file.numRows).toBe(groups.reduce((sum, rows) => sum + rows.length, 0));
  const rows: Row[] = [];
  for (let i = 0; i < file.rowGroups.length; i++) {
    rows.push(...rowsOfBatch(await readRowGroup(file, i, schema), schema));
  }
  return rows;
}

test("rows of any schema come back as they were", async () => {
  const options = fc.record({
    codec: fc.constantFrom<Codec>("zstd", "snappy", "gzip", "uncompressed"),
    dictionary: fc.boolean(),
    plain: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(arbitraryTable(), options, async ({ schema, rows }, chosen) => {
      expect(await roundTrip(schema, [rows], chosen)).toEqual(rows);
    }),
    { numRuns: 200 },
  );
}, 60_000);

test("several row groups follow one another", async () => {
  const schema = struct([field("n", { kind: "long" }), field("s", { kind: "string" })]);
  const rows = (from: number) =>
    Array.from({ length: 10 }, (_, i): Row => ({ n: BigInt(from + i), s: `row ${from + i}` }));
  expect(await roundTrip(schema, [rows(0), rows(10), rows(20)]))
    .toEqual([...rows(0), ...rows(10), ...rows(20)]);
});

test("columns longer than a page come back as they were", async () => {
  const schema = struct([
    field("n", { kind: "long" }),
    field("i", { kind: "integer" }),
    field("unique", { kind: "string" }),
    field("few", { kind: "string" }),
    field("long", { kind: "string" }),
    field("l", {
      kind: "array",
      elementType: { kind: "array", elementType: { kind: "string" }, containsNull: true },
      containsNull: true,
    }),
    field("flag", { kind: "boolean" }),
  ]);
  const rows = Array.from({ length: 45_000 }, (_, i): Row => ({
    n: i % 11 === 0 ? null : BigInt(i) ** 4n * (i % 2 === 0 ? 1n : -1n),
    i: i % 13 === 0 ? null : Math.imul(i, 2654435761),
    unique: `value ${i}`,
    few: i % 5 === 0 ? null : `v${i % 300}`,
    long: i % 100 === 0 ? `${i}`.repeat(2000) : "",
    l: i % 3 === 0 ? null : [[`a${i}`, null], [], null, ["b"]].slice(0, i % 5),
    flag: i % 7 === 0 ? null : i % 2 === 0,
  }));
  expect(await roundTrip(schema, [rows])).toEqual(rows);
});

test("void columns are left out and read as nulls", async () => {
  const schema = struct([field("a", { kind: "integer" }), field("v", { kind: "void" })]);
  expect(await roundTrip(schema, [[{ a: 1, v: null }]])).toEqual([{ a: 1, v: null }]);
});

test("an empty batch makes a readable row group", async () => {
  const schema = struct([field("a", { kind: "integer" }), field("s", { kind: "string" })]);
  expect(await roundTrip(schema, [[]])).toEqual([]);
});
