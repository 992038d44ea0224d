import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  batchFromRows,
  columnBuilder,
  type Value,
} from "../../../src/delta/columns/column-builder.ts";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import { concatBatches } from "../../../src/delta/columns/concat.ts";
import { constantColumn } from "../../../src/delta/columns/constant-column.ts";
import { gatherRows, nullColumn, sliceBatch } from "../../../src/delta/columns/gather.ts";
import { encodeRowGroup } from "../../../src/delta/parquet/writer.ts";
import type { DataType } from "../../../src/delta/schema/data-type.ts";
import { arbitraryTable } from "../parquet/arbitrary-rows.ts";

test("rows come back from columns as they were", () => {
  fc.assert(fc.property(arbitraryTable(), ({ schema, rows }) => {
    expect(rowsOfBatch(batchFromRows(schema, rows), schema)).toEqual(rows);
  }));
}, 60_000);

function indicesBelow(length: number): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min: 0, max: length - 1 }));
}

test("gathered rows are the rows of those indices", () => {
  const cases = arbitraryTable().chain(({ schema, rows }) =>
    fc.record({
      schema: fc.constant(schema),
      rows: fc.constant(rows),
      indices: rows.length === 0 ? fc.constant<number[]>([]) : indicesBelow(rows.length),
    })
  );
  fc.assert(fc.property(cases, ({ schema, rows, indices }) => {
    const gathered = gatherRows(batchFromRows(schema, rows), indices);
    expect(rowsOfBatch(gathered, schema)).toEqual(indices.map((i) => rows[i]!));
    // What was gathered can be encoded: offsets and null rows keep the promises of columns.
    encodeRowGroup(gathered, schema, { codec: "uncompressed" });
  }));
}, 60_000);

test("joined batches hold the rows of all, columns of nulls among them", () => {
  fc.assert(fc.property(arbitraryTable(), fc.nat(40), ({ schema, rows }, cut) => {
    const nulls = { length: 2, columns: schema.fields.map(() => nullColumn(2)) };
    const nullRow = Object.fromEntries(schema.fields.map((f) => [f.name, null]));
    const batch = batchFromRows(schema, rows);
    const joined = concatBatches(
      [sliceBatch(batch, 0, cut), nulls, sliceBatch(batch, cut, rows.length)],
      schema,
    );
    expect(rowsOfBatch(joined, schema))
      .toEqual([...rows.slice(0, cut), nullRow, nullRow, ...rows.slice(cut)]);
  }));
}, 60_000);

test("a constant column repeats its value", () => {
  const schema = { kind: "struct", fields: [] } as const;
  expect(rowsOfBatch({ length: 2, columns: [] }, schema)).toEqual([{}, {}]);
  const column = constantColumn("x", { kind: "string" }, 3);
  expect(column.length).toBe(3);
  expect(constantColumn(null, { kind: "string" }, 3)).toEqual(nullColumn(3));
});

describe("values of another form", () => {
  const cases: [DataType, Value][] = [
    [{ kind: "boolean" }, 1],
    [{ kind: "integer" }, 1.5],
    [{ kind: "integer" }, 2 ** 31],
    [{ kind: "long" }, 1],
    [{ kind: "long" }, 2n ** 63n],
    [{ kind: "double" }, "1"],
    [{ kind: "decimal", precision: 38, scale: 0 }, 2n ** 127n],
    [{ kind: "string" }, 1],
    [{ kind: "binary" }, "text"],
    [{ kind: "void" }, 1],
    [{ kind: "array", elementType: { kind: "long" }, containsNull: true }, { a: 1n }],
    [{ kind: "struct", fields: [] }, [1]],
  ];
  test.each(cases)("%p refuses %p", (type, value) => {
    expect(() => columnBuilder(type).append(value)).toThrow(`to a ${type.kind} column`);
  });
});
