import { describe, expect, test } from "bun:test";
import { batchFromRows } from "../../../src/delta/columns/column-builder.ts";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import type { Column, ColumnBatch } from "../../../src/delta/columns/column.ts";
import { bytesSource, openParquet, readRowGroup } from "../../../src/delta/parquet/reader.ts";
import { assembleParquetFile, encodeWithStatistics } from "../../../src/delta/parquet/writer.ts";
import { field, struct, type StructType } from "../../../src/delta/schema/data-type.ts";
import { storedVariants } from "../../../src/delta/schema/stored-variants.ts";

const schema = struct([field("n", { kind: "long" }), field("v", { kind: "variant" })]);
const parts = struct([field("metadata", { kind: "binary" }), field("value", { kind: "binary" })]);
const metadata = Uint8Array.of(1, 0, 0);

/** Variants 5 (an int8), null of SQL, and null of JSON, as they are stored. */
const stored: Column = batchFromRows(struct([field("v", parts)]), [
  { v: { metadata, value: Uint8Array.of(0x0c, 5) } },
  { v: null },
  { v: { metadata, value: Uint8Array.of(0) } },
]).columns[0]!;
const numbers = batchFromRows(struct([schema.fields[0]!]), [{ n: 1n }, { n: 2n }, { n: 3n }]);
const batch: ColumnBatch = { length: 3, columns: [numbers.columns[0]!, stored] };

async function written(rows: ColumnBatch, as: StructType) {
  const { rowGroup, statistics } = encodeWithStatistics(rows, as);
  const chunks = assembleParquetFile(as, [rowGroup], { createdBy: "test" });
  const bytes = new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
  return { file: await openParquet(bytesSource(bytes)), statistics };
}

describe("variants as they are stored", () => {
  test("are written, count as one column, and are read as JSON and as they are", async () => {
    const { file, statistics } = await written(batch, storedVariants(schema));
    expect(statistics.leaves.map(({ path, nullCount }) => [path.join("."), nullCount])).toEqual([
      ["n", 0],
      ["v", 1],
    ]);
    const json = await readRowGroup(file, 0, schema);
    expect([...rowsOfBatch(json, schema)].map((row) => row["v"])).toEqual(["5", null, "null"]);
    const again = await readRowGroup(file, 0, storedVariants(schema));
    const group = struct([field("v", parts)]);
    const values = rowsOfBatch({ length: 3, columns: [again.columns[1]!] }, group);
    expect([...values].map((row) => row["v"])).toEqual([
      { metadata, value: Uint8Array.of(0x0c, 5) },
      null,
      { metadata, value: Uint8Array.of(0) },
    ]);
  });

  test("may be null in all rows, whatever form they have", async () => {
    const nulls = { length: 3, columns: [numbers.columns[0]!, batchOfNulls(3)] };
    const { file } = await written(nulls, schema);
    const json = await readRowGroup(file, 0, schema);
    expect([...rowsOfBatch(json, schema)].map((row) => row["v"])).toEqual([null, null, null]);
  });

  test("are not made of text", () => {
    const text = batchFromRows(struct([field("v", { kind: "string" })]), [{ v: "1" }]);
    const only = struct([schema.fields[1]!]);
    expect(() => encodeWithStatistics(text, only)).toThrow("of type variant");
  });
});

function batchOfNulls(length: number): Column {
  return { kind: "null", length, valid: new Uint8Array(length) };
}
