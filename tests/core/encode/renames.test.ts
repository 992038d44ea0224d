import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { CollectionRules, EncodedTable } from "../../../src/core/encode/encode-job.ts";
import { createEncoder } from "../../../src/core/encode/run-encode-job.ts";
import { mappingRules } from "../../support/mapping-rules.ts";
import {
  documentPart,
  envelope,
  onlyTable,
  rescuedOf,
  rowsOf,
  runJob,
  viewAfter,
} from "./encode-harness.ts";

function tableOf(
  documents: readonly string[],
  rules: Partial<CollectionRules>,
  before: EncodedTable | null = null,
): EncodedTable {
  const tables = before === null ? [] : [viewAfter(before)];
  const lines = documents.map((text) => envelope(text));
  return onlyTable(runJob(lines, { rules: mappingRules(rules), tables }));
}

async function documentsOf(table: EncodedTable) {
  const rows = await rowsOf(table);
  return rows.map((row) => [documentPart(row), rescuedOf(row)]);
}

/** Renames, a document, its columns and what is rescued. */
const cases: readonly (readonly [string, Record<string, string>, string, object, object])[] = [
  ["a field", { a: "x" }, '{"a": 1, "b": 2}', { x: 1, b: 2 }, {}],
  ["a nested field", { "a.b": "a.c" }, '{"a": {"b": 1}, "b": 2}', { a: { c: 1 }, b: 2 }, {}],
  [
    "a document and its field",
    { a: "x", "a.b": "a.c" },
    '{"a": {"b": 1}}',
    { x: { c: 1 } },
    {},
  ],
  ["within an array", { "a.b": "a.c" }, '{"a": [{"b": 1}, {"b": 2}]}', {
    a: [{ c: 1 }, { c: 2 }],
  }, {}],
  ["two for each other", { a: "b", b: "a" }, '{"a": 1, "b": "t"}', { b: 1, a: "t" }, {}],
  ["_id", { _id: "id" }, '{"_id": 7}', { id: 7 }, {}],
  ["a name that no column can have", { "a b": "a_b" }, '{"a b": 1}', { a_b: 1 }, {}],
  ["a name of ours", { _cdc_key: "key" }, '{"_cdc_key": 1}', { key: 1 }, {}],
  ["a name with another's letters", { a: "A" }, '{"a": 1}', { A: 1 }, {}],
  ["onto a field that is there", { a: "b" }, '{"b": 1, "a": 2}', { b: 2 }, {
    "/b": { $numberInt: "1" },
  }],
  ["onto a field but for case", { a: "B" }, '{"a": 2, "b": 1}', { B: 2 }, {
    "/b": { $numberInt: "1" },
  }],
  ["what is not there", { z: "y" }, '{"a": 1}', { a: 1 }, {}],
  ["no name with a dot", { "a.b": "a.c" }, '{"a.b": 1}', { "a.b": 1 }, {}],
];

describe("renaming", () => {
  for (const [name, rename, document, columns, rescued] of cases) {
    test(name, async () => {
      const table = tableOf([document], { rename });
      expect(await documentsOf(table)).toEqual([[columns, rescued]] as never);
      expect(table.schema.fields.map((one) => one.name)).toEqual(
        expect.arrayContaining(Object.keys(columns)),
      );
      // The same once the table has these columns.
      expect(await documentsOf(tableOf([document], { rename }, table))).toEqual(
        [[columns, rescued]] as never,
      );
    });
  }

  test("gives rescued values and counts the source's path", async () => {
    const table = tableOf(['{"a": 1}', '{"a": "t"}'], { rename: { a: "x" } });
    expect((await documentsOf(table))[1]).toEqual([{ x: null }, { "/a": "t" }]);
    expect(table.rescued).toEqual([{ path: "/a", reason: "type", count: 1 }]);
  });

  test("comes after include, exclude, types and masks, which have the source's names", async () => {
    const table = tableOf(['{"a": 1, "b": 2, "c": 3, "x": 4, "d": "m"}'], {
      rename: { a: "x", b: "y", d: "z" },
      includeFields: ["a", "b", "d"],
      excludeFields: ["b"],
      columnTypes: { a: { kind: "string" } },
      mask: { d: "hash" },
    });
    const hash = createHash("sha256").update("m").digest("hex");
    expect(await documentsOf(table)).toEqual([[{ x: '{"$numberInt":"1"}', z: hash }, {}]]);
  });

  test("names partition columns", () => {
    const table = tableOf(['{"a": "p"}', '{"a": "q"}'], {
      rename: { a: "x" },
      partitionBy: ["x"],
    });
    expect(table.parts.map((part) => part.partitionValues)).toEqual([{ x: "p" }, { x: "q" }]);
  });

  test("of a key's _id fills its column on a delete", async () => {
    const line = JSON.stringify({
      key: JSON.stringify({ id: "7" }),
      value: envelope(null, { op: "d" }),
    });
    const rules = mappingRules({ rename: { _id: "id" } });
    const [row] = await rowsOf(onlyTable(runJob([line], { rules })));
    expect(row).toMatchObject({ id: 7, _cdc_key: '{"$numberInt":"7"}' });
  });
});

describe("renaming in a table that has columns", () => {
  test("leaves the old column as it is, and null", async () => {
    const old = tableOf(['{"a": 1, "s": {"b": 2, "c": 3}}'], {});
    const rename = { a: "x", "s.b": "s.y" };
    const table = tableOf(['{"a": 5, "s": {"b": 6, "c": 7}}'], { rename }, old);
    expect(await documentsOf(table)).toEqual([[
      { a: null, s: { b: null, c: 7, y: 6 }, x: 5 },
      {},
    ]]);
    expect(table.schema.fields.slice(0, old.schema.fields.length).map(({ name }) => name))
      .toEqual(old.schema.fields.map(({ name }) => name));
  });

  test("goes on in the column that another field filled before", async () => {
    const old = tableOf(['{"b": 1}'], {});
    const table = tableOf(['{"a": 5, "b": 6}'], { rename: { a: "b" } }, old);
    expect(await documentsOf(table)).toEqual([[{ b: 5 }, { "/b": { $numberInt: "6" } }]]);
  });

  test("widens under the new name", async () => {
    const rename = { a: "x" };
    const old = tableOf(['{"a": 1}'], { rename });
    const table = tableOf(['{"a": {"$numberLong": "9007199254740993"}}'], { rename }, old);
    expect(table.widened).toMatchObject([{ path: "x", to: { kind: "long" } }]);
    expect(await documentsOf(table)).toEqual([[{ x: 9007199254740993n }, {}]]);
  });

  test("gives the same from job to job of one encoder", async () => {
    const rules = mappingRules({ rename: { a: "x", "s.b": "s.y" } });
    const lines = ['{"a": 1, "s": {"b": 2}}', '{"a": 3, "s": {"b": 4, "n": 5}}'].map((text) =>
      envelope(text)
    );
    const encoder = createEncoder(rules);
    const first = onlyTable(runJob(lines.slice(0, 1), { encoder }));
    const second = onlyTable(runJob(lines.slice(1), { encoder, tables: [viewAfter(first)] }));
    const third = onlyTable(runJob(lines, { encoder, tables: [viewAfter(second)] }));
    const fresh = onlyTable(runJob(lines, { rules, tables: [viewAfter(second)] }));
    expect(third.schema).toEqual(fresh.schema);
    expect(await documentsOf(third)).toEqual(await documentsOf(fresh));
    expect(await documentsOf(second)).toEqual([[{ x: 3, s: { y: 4, n: 5 } }, {}]]);
  });
});
