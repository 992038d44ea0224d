import { describe, expect, test } from "bun:test";
import { field, struct } from "../../../src/delta/schema/data-type.ts";
import { rowHash, valueTexts } from "../../../src/core/replay/row-text.ts";
import { compareTables, type TableComparison } from "../../../src/core/replay/compare-tables.ts";
import {
  changeLine,
  lineSource,
  newLake,
  pump,
  signal,
  tableEngine,
} from "../pump/pump-harness.ts";
import type { Lake } from "../pump/pump-harness.ts";

/** A table of kcat's lines: offsets 0, 1, … of partition 0 of "t". */
async function lake(
  documents: readonly (Readonly<Record<string, unknown>> | null)[],
): Promise<Lake> {
  const made = newLake();
  const lines = documents.flatMap((document, offset) =>
    document === null ? [] : [
      JSON.stringify({
        topic: "t",
        partition: 0,
        offset,
        key: null,
        payload: changeLine("c", document),
      }),
    ]
  );
  await pump(made, lineSource(lines));
  return made;
}

async function compare(
  left: Lake,
  right: Lake,
  offsetsMax?: number,
): Promise<TableComparison> {
  const range = { topic: "t", partition: 0, start: 0n, end: 6n };
  return await compareTables(
    tableEngine(left, "shop.orders"),
    tableEngine(right, "shop.orders"),
    [range],
    { examplesMax: 10, signal, ...(offsetsMax === undefined ? {} : { offsetsMax }) },
  );
}

describe("compareTables()", () => {
  const left = [{ _id: 0, a: 1 }, { _id: 1, a: 2 }, null, { _id: 3, a: { b: 1 } }, { _id: 4 }];
  const right = [{ _id: 0, a: 1 }, { _id: 1, a: 3 }, { _id: 2 }, null, { _id: 4, c: null }];

  test.each([1, 2, 3, 100])("finds what differs, %i offsets at a time", async (offsetsMax) => {
    const found = await compare(await lake(left), await lake(right), offsetsMax);
    expect(found).toMatchObject({
      same: 2n,
      different: 1n,
      onlyTable: 1n,
      onlyShadow: 1n,
      doubled: 0n,
      examples: [
        { offset: 1n, kind: "different" },
        { offset: 2n, kind: "only-shadow", columns: [] },
        { offset: 3n, kind: "only-table", columns: [] },
      ],
    });
    expect(found.examples[0]!.columns).toContain("a");
  });

  test("types and columns of nulls are no difference", async () => {
    const ints = await lake([{ _id: 0, a: 1 }]);
    const wide = await lake([{ _id: 0, a: 1 }, { _id: 1, a: 1.5, late: "x" }]);
    expect(await compare(ints, wide)).toMatchObject({ same: 1n, different: 0n, onlyShadow: 1n });
  });

  test("a table that is not there has no rows", async () => {
    expect(await compare(await lake(left), newLake())).toMatchObject({ same: 0n, onlyTable: 4n });
  });
});

test("equal rows have equal hashes, whatever the order of columns", () => {
  const a = new Map([["x", "1"], ["y", "2"]]);
  const b = new Map([["y", "2"], ["x", "1"]]);
  expect(rowHash(a)).toEqual(rowHash(b));
  expect(rowHash(a)).not.toEqual(rowHash(new Map([["x", "12"]])));
  expect(rowHash(new Map([["x", "1y"]]))).not.toEqual(rowHash(new Map([["x1", "y"]])));
  expect(
    valueTexts(
      struct([field("a", { kind: "long" })]),
      { length: 1, columns: [{ kind: "null" }] } as never,
      0,
    ).size,
  )
    .toBe(0);
});
