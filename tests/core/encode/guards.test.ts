import { describe, expect, test } from "bun:test";
import type { CollectionRules } from "../../../src/core/encode/encode-job.ts";
import { mappingRules } from "../../support/mapping-rules.ts";
import {
  documentPart,
  envelope,
  onlyTable,
  rescuedOf,
  type Row,
  rowsOf,
  runJob,
  viewAfter,
} from "./encode-harness.ts";

async function rows(
  texts: readonly string[],
  changes: Partial<CollectionRules> = {},
): Promise<Row[]> {
  const rules = mappingRules(changes);
  return rowsOf(onlyTable(runJob(texts.map((text) => envelope(text)), { rules })));
}

const int = (n: number) => ({ $numberInt: String(n) });

describe("names", () => {
  test("that cannot be columns are rescued, each for its reason", async () => {
    const bad = [
      "",
      "a b",
      "a,b",
      "a;b",
      "a{b",
      "a}b",
      "a(b",
      "a)b",
      "a\nb",
      "a\tb",
      "a=b",
      "a\0b",
    ];
    const ours = ["_cdc_key", "_KAFKA_offset", "_document", "_cdc_Transaction_ID"];
    const document = Object.fromEntries([...bad, ...ours, "ok"].map((name, i) => [name, i]));
    const table = onlyTable(runJob([envelope(JSON.stringify(document))]));
    const [row] = await rowsOf(table);
    expect(documentPart(row!)).toEqual({ ok: bad.length + ours.length });
    expect(rescuedOf(row!)).toEqual(
      Object.fromEntries([...bad, ...ours].map((name, i) => [`/${name}`, int(i)])),
    );
    const reasons = table.rescued.map(({ reason }) => reason);
    expect(reasons.filter((reason) => reason === "name").length).toBe(bad.length);
    expect(reasons.filter((reason) => reason === "reserved-name").length).toBe(ours.length);
  });

  test("with dots, dollars, slashes, emoji and other letters are columns", async () => {
    const document = { "a.b": 1, "$top": 2, "x/y~z": 3, "😀": 4, "Имя": 5, 'q"\\': 6 };
    const [row] = await rows([JSON.stringify(document)]);
    expect(documentPart(row!)).toEqual(document);
  });

  test("of ours are free below the top level", async () => {
    const [row] = await rows(['{"s": {"_cdc_key": 1}}']);
    expect(documentPart(row!)).toEqual({ s: { _cdc_key: 1 } });
  });

  test("that clash in case: the first one with a value is the column", async () => {
    const found = await rows(['{"Name": null, "name": 1, "NAME": 2}', '{"Name": 3, "name": 4}']);
    expect(found.map(documentPart)).toEqual([{ name: 1 }, { name: 4 }]);
    expect(found.map(rescuedOf)).toEqual([{ "/NAME": int(2) }, { "/Name": int(3) }]);
    const [nested] = await rows(['{"s": [{"a": 1, "A": {"b": 1}}]}']);
    expect(rescuedOf(nested!)).toEqual({ "/s/0/A": { b: int(1) } });
  });

  test("that come twice: the last value wins, whatever the first one was", async () => {
    const found = await rows([
      '{"a": 1, "a": 2}',
      '{"a": 3, "a": null}',
      '{"a": "x", "a": 4}',
      '{"a": 5, "a": "x"}',
      '{"s": {"x": "long", "y": 1}, "s": {"y": 2}}',
      '{"l": ["p", "q"], "l": ["r"]}',
      '{"l": ["s"], "t": "text", "t": "t"}',
      '{"l": ["u", "v"], "l": [null, "w"]}',
    ]);
    const expected = { a: null, s: null, l: null, t: null };
    expect(found.map(documentPart)).toEqual([
      { ...expected, a: 2 },
      expected,
      { ...expected, a: 4 },
      expected,
      { ...expected, s: { x: null, y: 2 } },
      { ...expected, l: ["r"] },
      { ...expected, l: ["s"], t: "t" },
      { ...expected, l: [null, "w"] },
    ]);
    expect(found.map(rescuedOf).map((one) => one["/a"])).toEqual([
      undefined,
      undefined,
      undefined,
      "x",
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("written with escapes are the same names", async () => {
    const found = await rows([
      '{"name": 1}',
      '{"n\\u0061me": 2}',
      '{"\\ud83d\\ude00": 3, "😀": 4}',
    ]);
    expect(found.map(documentPart)).toEqual([
      { name: 1, "😀": null },
      { name: 2, "😀": null },
      { name: null, "😀": 4 },
    ]);
  });
});

describe("sizes", () => {
  test("values nested deeper than the limit are rescued as text", async () => {
    const found = await rows(['{"a": {"b": {"c": 1}, "d": [[1]], "e": [2]}}'], { depthMax: 3 });
    expect(documentPart(found[0]!)).toEqual({ a: { b: { c: 1 }, e: [2] } });
    expect(rescuedOf(found[0]!)).toEqual({ "/a/d": [[int(1)]] });
    const typed = await rows(['{"a": {"d": [1, [2]]}}', '{"a": {"b": {"c": {}}}}'], {
      depthMax: 3,
    });
    expect(typed.map(rescuedOf)).toEqual([{ "/a/d/1": [int(2)] }, { "/a/b": { c: {} } }]);
    const table = onlyTable(runJob([envelope('{"a": [[1]]}')], {
      rules: mappingRules({ depthMax: 2 }),
    }));
    expect(table.rescued).toEqual([{ path: "/a", reason: "depth", count: 1 }]);
  });

  test("nesting of any depth passes", async () => {
    for (const depth of [300, 100_000]) {
      const text = `{"a": ${'{"b":['.repeat(depth)}1${"]}".repeat(depth)}, "z": 1}`;
      const [row] = await rows([text]);
      expect(row!["z"]).toBe(1);
      const rescued = row!["_rescued_data"] as string;
      expect(rescued).toBe(
        `{"/a":${'{"b":['.repeat(depth)}{"$numberInt":"1"}${"]}".repeat(depth)}}`,
      );
    }
  });

  test("5,000 fields are read in any order; beyond the limit they are rescued", async () => {
    const names = Array.from({ length: 5000 }, (_, i) => `field${i}`);
    const text = (list: readonly string[]) =>
      `{${list.map((name) => `"${name}": ${name.slice(5)}`).join(",")}}`;
    const wide = [text(names), text(names.toReversed())];
    const [first, second] = await rows(wide, { columnsMax: 6000 });
    expect(documentPart(second!)).toEqual(documentPart(first!));
    expect(Object.keys(documentPart(first!)).length).toBe(5000);
    const table = onlyTable(runJob(wide.map((one) => envelope(one))));
    expect(table.schema.fields.length).toBe(2000);
    expect(table.rescued.reduce((sum, { count }) => sum + count, 0)).toBe(2 * (5000 - 1991));
    expect(table.rescued.every(({ reason }) => reason === "columns-max")).toBe(true);
    const limited = await rowsOf(table);
    expect(rescuedOf(limited[1]!)["/field4999"]).toEqual(int(4999));
    expect(rescuedOf(limited[1]!)).toEqual(rescuedOf(limited[0]!));
  });

  test("the limit on columns counts leaves, ours too", async () => {
    const found = await rows(['{"a": 1, "s": {"b": 2, "c": 3}, "d": [4], "e": null}'], {
      columnsMax: 11,
    });
    expect(documentPart(found[0]!)).toEqual({ a: 1, s: { b: 2 } });
    expect(rescuedOf(found[0]!)).toEqual({ "/s/c": int(3), "/d": [int(4)] });
    const later = await rows(['{"a": {}, "b": 1}', '{"a": 5}'], { columnsMax: 10 });
    expect(later.map(rescuedOf)).toEqual([{ "/a": {} }, { "/a": int(5) }]);
  });

  test("a document of 20 MB is one value", async () => {
    const long = "é\n".repeat(5_000_000);
    const [row] = await rows([JSON.stringify({ a: 1, long })]);
    expect(row!["long"] === long).toBe(true);
  }, 60_000);

  test("numbers of any length are numbers", async () => {
    const digits = "9".repeat(10_000);
    const found = await rows([
      '{"v": 9223372036854775807}',
      '{"v": 9223372036854775808}',
      `{"v": ${digits}}`,
      `{"v": 0.${digits}}`,
      `{"v": 1e${digits}}`,
      `{"v": ${"0".repeat(9000)}7}`,
    ]);
    expect(found.map((row) => row["v"])).toEqual([
      9223372036854775807n,
      null,
      null,
      1n,
      null,
      7n,
    ]);
    expect(rescuedOf(found[1]!)["/v"]).toEqual({ $numberDouble: "9223372036854775808" });
    const [double] = await rows([`{"v": 1.${digits}e300}`]);
    expect(double!["v"]).toBe(Number(`1.${digits}e300`));
  });
});

describe("bytes that are no text", () => {
  test("are a dead letter with every byte, the records around them rows", async () => {
    const line = new TextEncoder().encode(envelope('{"a": "x?y", "b": "ü"}'));
    line[line.indexOf(63)] = 0xff;
    const good = new TextEncoder().encode(envelope('{"a": "z", "b": "ü"}'));
    const tables = runJob([good, line, good]).tables;
    const [rowsTable, letters] = tables;
    const found = await rowsOf(rowsTable!);
    expect(found.map(({ a, b }) => [a, b])).toEqual([["z", "ü"], ["z", "ü"]]);
    const [letter] = await rowsOf(letters!);
    expect(letter!["value"]).toEqual(line);
    expect(letter!["error"]).toContain("not UTF-8");
    expect(letter!["_kafka_offset"]).toBe(BigInt(good.length + 1));
  });

  test("lone surrogates become U+FFFD", async () => {
    const [row] = await rows(['{"a": "x\\ud83dy\\ude00", "b": "\\ud83d\\u0041\\ud83d"}']);
    expect(documentPart(row!)).toEqual({ a: "x\ufffdy\ufffd", b: "\ufffdA\ufffd" });
  });
});

describe("include and exclude lists", () => {
  const text =
    '{"_id": 1, "a": {"b": 1, "c": {"d": 2}}, "l": [{"x": 1, "y": 2}], "s": "t", "e": {}}';

  test("excluded fields are gone, not rescued", async () => {
    const [row] = await rows([text], { excludeFields: ["a.c", "l.y", "e", "s"] });
    expect(documentPart(row!)).toEqual({ _id: 1, a: { b: 1 }, l: [{ x: 1 }] });
    expect(row!["_rescued_data"]).toBeNull();
  });

  test("included fields are all there is", async () => {
    const [row] = await rows([text, '{"a": 5, "l": 6, "s": 7}'], {
      includeFields: ["_id", "a.c", "l.x"],
    });
    expect(documentPart(row!)).toEqual({ _id: 1, a: { c: { d: 2 } }, l: [{ x: 1 }] });
    expect(row!["_rescued_data"]).toBeNull();
  });

  test("hold for fields beyond the limit on columns", async () => {
    const [row] = await rows(['{"a": 1, "b": 2, "c": 3}'], {
      columnsMax: 10,
      excludeFields: ["c"],
    });
    expect(rescuedOf(row!)).toEqual({ "/b": int(2) });
  });
});

describe("partitions", () => {
  test("split the rows; partition columns are not in the file", async () => {
    const texts = ['{"c": "b", "n": 1}', '{"c": "a", "n": 2}', '{"n": 3}', '{"c": "b", "n": 4}'];
    const rules = mappingRules({ partitionBy: ["c", "_ingestion_date"] });
    const table = onlyTable(runJob(texts.map((text) => envelope(text)), { rules }));
    expect(table.parts.map(({ partitionValues }) => partitionValues)).toEqual([
      { c: "b", _ingestion_date: "2026-01-31" },
      { c: "a", _ingestion_date: "2026-01-31" },
      { c: null, _ingestion_date: "2026-01-31" },
    ]);
    expect((await rowsOf(table)).map((row) => row["n"])).toEqual([1, 4, 2, 3]);
    expect((await rowsOf(table)).every((row) => !("c" in row))).toBe(true);
  });

  test("a partition column without any value is there as a string", () => {
    const rules = mappingRules({ partitionBy: ["c"] });
    const table = onlyTable(runJob([envelope('{"n": 1}')], { rules }));
    expect(table.schema.fields.at(-1)).toMatchObject({ name: "c", type: { kind: "string" } });
    expect(table.parts[0]!.partitionValues).toEqual({ c: null });
    const view = viewAfter(table);
    const next = onlyTable(runJob([envelope('{"c": "x"}')], { rules, tables: [view] }));
    expect(next.parts[0]!.partitionValues).toEqual({ c: "x" });
  });

  test("documents and arrays in a partition column are rescued", async () => {
    const rules = mappingRules({ partitionBy: ["c"] });
    const texts = ['{"c": {"x": 1}}', '{"c": [1]}', '{"c": {"$timestamp": {"t": 1, "i": 1}}}'];
    const table = onlyTable(runJob(texts.map((text) => envelope(text)), { rules }));
    expect((await rowsOf(table)).every((row) => "/c" in rescuedOf(row))).toBe(true);
  });

  test("the table's own partition columns win over the rules", () => {
    const table = onlyTable(runJob([envelope('{"n": 1}')]));
    const rules = mappingRules({ partitionBy: ["n"] });
    const next = onlyTable(runJob([envelope('{"n": 2}')], { rules, tables: [viewAfter(table)] }));
    expect(next.partitionBy).toEqual(["_ingestion_date"]);
  });
});

describe("rules", () => {
  test("the first pattern that matches the whole collection wins", () => {
    const own = (columnsMax: number) => mappingRules({ columnsMax }).defaults;
    const rules = {
      defaults: own(2000),
      overrides: [
        { pattern: "thing", rules: own(9) },
        { pattern: "shop\\.th.*", rules: own(10) },
        { pattern: "shop\\..*", rules: own(11) },
      ],
    };
    const table = onlyTable(runJob([envelope('{"a": 1, "b": 2}')], { rules }));
    expect(table.schema.fields.length).toBe(10);
  });

  test("a pattern that is none is refused", () => {
    const rules = mappingRules();
    const overrides = [{ pattern: "(", rules: rules.defaults }];
    expect(() => runJob([], { rules: { ...rules, overrides } })).toThrow(/"\(" as a pattern/);
  });
});
