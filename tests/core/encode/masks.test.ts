import { describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import type { CollectionRules, EncodeResult } from "../../../src/core/encode/encode-job.ts";
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

const sha = (text: string) => createHash("sha256").update(text).digest("hex");

async function rows(
  lines: readonly string[],
  rules: Partial<CollectionRules>,
): Promise<Row[]> {
  return rowsOf(onlyTable(runJob(lines, { rules: mappingRules(rules) })));
}

async function masked(document: string, rules: Partial<CollectionRules>): Promise<Row> {
  const [row] = await rows([envelope(document)], rules);
  return row!;
}

/** Extended JSON of a value, and the text whose hash takes its place. */
const hashed: readonly (readonly [string, string])[] = [
  ['"a@b.c"', "a@b.c"],
  ['"\\u00e9\\n"', "é\n"],
  ['""', ""],
  ['{"$oid": "596E275826F08B2730779E1F"}', "596e275826f08b2730779e1f"],
  ["5", '{"$numberInt":"5"}'],
  ['{"$numberLong": "5"}', '{"$numberInt":"5"}'],
  ["5.0", '{"$numberInt":"5"}'],
  ['{"$numberDecimal": "5.00"}', '{"$numberInt":"5"}'],
  ["1.5", '{"$numberDouble":"1.5"}'],
  ["NaN", '{"$numberDouble":"NaN"}'],
  ["true", "true"],
  ['{"$date": 1525761252345}', '{"$date":{"$numberLong":"1525761252345"}}'],
  ['{"$date": "2018-05-08T06:34:12.345Z"}', '{"$date":{"$numberLong":"1525761252345"}}'],
  ['{"x": 1, "y": ["z"]}', '{"x":{"$numberInt":"1"},"y":["z"]}'],
  ["[1, null]", '[{"$numberInt":"1"},null]'],
  ["{}", "{}"],
  ["[]", "[]"],
];

describe("hash", () => {
  for (const [value, text] of hashed) {
    test(`of ${value}`, async () => {
      const row = await masked(`{"v": ${value}}`, { mask: { v: "hash" } });
      expect(documentPart(row)).toEqual({ v: sha(text) });
      expect(row["_rescued_data"]).toBeNull();
    });
  }

  test("has the key in it", async () => {
    const row = await masked('{"v": "x"}', { mask: { v: "hash" }, maskKey: "secret" });
    expect(row["v"]).toBe(createHmac("sha256", "secret").update("x").digest("hex"));
  });

  test("leaves null and what is missing", async () => {
    const found = await rows(
      ['{"v": "x", "w": 1}', '{"v": null, "w": 2}', '{"w": 3}'].map((one) => envelope(one)),
      { mask: { v: "hash" } },
    );
    expect(found.map((row) => row["v"])).toEqual([sha("x"), null, null]);
  });
});

describe("redact", () => {
  for (const value of ['"a@b.c"', "5", '{"x": 1}', "[1]", "true"]) {
    test(`of ${value}`, async () => {
      const row = await masked(`{"v": ${value}, "n": null}`, { mask: { v: "redact" } });
      expect(documentPart(row)).toEqual({ v: "***" });
    });
  }
});

describe("paths", () => {
  const document = '{"address": {"zip": "10115", "city": "B"}, "tags": ["a", "b"], ' +
    '"people": [{"mail": "x", "n": 1}, {"mail": null, "n": 2}, [{"mail": "y"}]]}';

  test("go through documents and arrays", async () => {
    const row = await masked('{"a": {"zip": "10115", "city": "B"}, "p": [{"m": "x", "n": 1}]}', {
      mask: { "a.zip": "hash", "p.m": "redact" },
    });
    expect(documentPart(row)).toEqual({
      a: { zip: sha("10115"), city: "B" },
      p: [{ m: "***", n: 1 }],
    });
  });

  test("mask within values that are rescued", async () => {
    const row = await masked(document, { mask: { "people.mail": "hash" } });
    expect(rescuedOf(row)).toEqual({ "/people/2": [{ mail: sha("y") }] });
  });

  test("of an array mask it as one value", async () => {
    const row = await masked(document, { mask: { tags: "hash" } });
    expect(row["tags"]).toBe(sha('["a","b"]'));
  });

  test("that are excluded have no column", async () => {
    const row = await masked(document, {
      mask: { "address.zip": "hash" },
      excludeFields: ["address"],
    });
    expect(Object.keys(documentPart(row))).toEqual(["tags", "people"]);
  });
});

describe("columns of another type", () => {
  test("take no masked value, which is rescued as masked", async () => {
    const first = onlyTable(runJob([envelope('{"_id": 1, "n": 5}')]));
    const result = runJob([envelope('{"_id": 2, "n": 77777}')], {
      rules: mappingRules({ mask: { n: "hash" } }),
      tables: [viewAfter(first)],
    });
    const [row] = await rowsOf(onlyTable(result));
    expect(row!["n"]).toBeNull();
    expect(rescuedOf(row!)).toEqual({ "/n": sha('{"$numberInt":"77777"}') });
  });
});

describe("the key", () => {
  const mask = { _id: "hash" } as const;
  test("is masked where _id is, with equal text for both", async () => {
    const key = JSON.stringify({ id: '{"$oid": "596e275826f08b2730779e1f"}' });
    const found = await rows([
      JSON.stringify({ key, value: envelope('{"_id": {"$oid": "596e275826f08b2730779e1f"}}') }),
      envelope('{"_id": {"$oid": "596e275826f08b2730779e1f"}}'),
      JSON.stringify({ key, value: envelope(null, { op: "d" }) }),
    ], { mask });
    const id = sha("596e275826f08b2730779e1f");
    expect(found.map((row) => [row["_id"], row["_cdc_key"]])).toEqual(
      [1, 2, 3].map(() => [id, JSON.stringify(id)]),
    );
  });

  test("is masked in part where a field of _id is", async () => {
    const found = await rows([
      envelope('{"_id": {"mail": "x", "n": 1}}'),
      JSON.stringify({
        key: JSON.stringify({ id: '{"mail": "x", "n": 1}' }),
        value: envelope(null, { op: "d" }),
      }),
    ], { mask: { "_id.mail": "hash" } });
    for (const row of found) {
      expect(row["_cdc_key"]).toBe(`{"mail":"${sha("x")}","n":{"$numberInt":"1"}}`);
      expect(row["_id"]).toEqual({ mail: sha("x"), n: 1 });
    }
  });
});

describe("_document", () => {
  test("keeps everything but what is masked as it stands", async () => {
    const text = '{"_id": 1, "a" : {"zip": "10115",  "x": [ ]}, "b": {"zip": 2.50}}';
    const row = await masked(text, { keepDocument: true, mask: { "a.zip": "redact" } });
    expect(row["_document"]).toBe(text.replace('"10115"', '"***"'));
  });
});

describe("updateDescription", () => {
  const updated = { "address.zip": "10115", "people.0.mail": "m", "tags.1": "x", n: 5 };
  const line = (updateDescription: unknown, more: object = {}) =>
    JSON.stringify({
      key: JSON.stringify({ id: "1" }),
      value: envelope(null, { op: "u", updateDescription, ...more }),
    });
  const rules = {
    mask: { "address.zip": "hash", "people.mail": "redact", tags: "redact" },
  } as const;

  test("is masked by the paths of its names", async () => {
    const text = JSON.stringify(updated);
    for (const updatedFields of [text, updated]) {
      const [row] = await rows([line({ updatedFields, removedFields: ["gone"] })], rules);
      expect(rescuedOf(row!)).toEqual({
        "/updateDescription": {
          updatedFields: {
            "address.zip": sha("10115"),
            "people.0.mail": "***",
            "tags.1": "***",
            n: { $numberInt: "5" },
          },
          removedFields: ["gone"],
        },
      });
    }
  });

  test("of other forms is withheld", async () => {
    const forms: readonly (readonly [unknown, object, unknown])[] = [
      [{ updatedFields: "no json", other: "10115" }, {}, { updatedFields: "***", other: "***" }],
      ['{"x": 1}', {}, "***"],
      [null, { patch: '{"$set": {"address.zip": "10115"}}' }, undefined],
    ];
    for (const [description, more, expected] of forms) {
      const [row] = await rows([line(description, more)], rules);
      const rescued = rescuedOf(row!);
      expect(rescued["/updateDescription"]).toEqual(expected);
      if (description === null) expect(rescued["/patch"]).toBe("***");
    }
  });
});

describe("dead letters", () => {
  const secret = "10115-secret";
  const broken = (collection: string) =>
    envelope(`{"zip": "${secret}", "b": }`, { source: { db: "shop", collection, ts_ms: 1 } });
  const lines = [broken("people"), broken("things"), `{"op": "${secret}`];
  const rules = {
    defaults: mappingRules().defaults,
    overrides: [{
      pattern: "shop\\.people",
      rules: mappingRules({ mask: { zip: "hash" } }).defaults,
    }],
  };

  test("keep no record that may have masked fields", async () => {
    const found = await rowsOf(runJob(lines, { rules }).tables.find((t) => t.key[0] === "$")!);
    const kept = found.map(({ value }) => value !== null);
    expect(kept).toEqual([false, true, false]);
    expect(found.map((row) => /are withheld/.test(String(row["error"])))).toEqual([
      true,
      false,
      true,
    ]);
    for (const row of found) expect(String(row["error"])).not.toContain(secret);
  });

  test("keep all without masks", async () => {
    const found = await rowsOf(runJob(lines).tables.find((t) => t.key[0] === "$")!);
    expect(found.map(({ value }) => value !== null)).toEqual([true, true, true]);
  });
});

/** Everything that a job's result would write, as text; binary values byte by byte. */
async function textOf(result: EncodeResult): Promise<string> {
  const replacer = (_: string, value: unknown) =>
    typeof value === "bigint"
      ? String(value)
      : value instanceof Uint8Array
      ? Buffer.from(value).toString("latin1")
      : value;
  const texts: string[] = [];
  for (const table of result.tables) {
    texts.push(JSON.stringify(await rowsOf(table), replacer));
    texts.push(JSON.stringify([table.rescued, table.widened], replacer));
    for (const { statistics, partitionValues } of table.parts) {
      texts.push(JSON.stringify([statistics, partitionValues], replacer));
    }
  }
  return texts.join("\n");
}

type Tree = readonly Tree[] | { readonly [name: string]: Tree } | number | string;

const fieldNames = ["a", "b", "c", "a.b", "0", "_id"] as const;
const trees: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<Tree>(1, "s", "n"),
    fc.dictionary(fc.constantFrom(...fieldNames), tie("tree"), { maxKeys: 4 }),
    fc.array(tie("tree"), { maxLength: 3 }),
  ),
})).tree;
const documents = fc.dictionary(fc.constantFrom(...fieldNames), trees, { maxKeys: 5 });
const paths = fc.array(fc.constantFrom("a", "b", "c", "_id"), { minLength: 1, maxLength: 3 })
  .map((names) => names.join("."));

/** The document with a secret of its own in each leaf at or below a masked path, plainly found. */
function withSecrets(tree: Tree, path: readonly string[], masks: readonly string[]): unknown {
  const hidden = masks.some((mask) => {
    const names = mask.split(".");
    return names.every((name, i) => path[i] === name);
  });
  if (Array.isArray(tree)) return tree.map((one) => withSecrets(one, path, masks));
  if (typeof tree === "object") {
    return Object.fromEntries(
      Object.entries(tree).map(([name, one]) => [
        name,
        withSecrets(one, [...path, ...name.split(".").filter((part) => part !== "0")], masks),
      ]),
    );
  }
  if (!hidden) return tree;
  return tree === "n" ? 987654321 : "s3cr3t";
}

describe("a masked value", () => {
  const secrets = /s3cr3t|987654321/;
  const choices = fc.record({
    masks: fc.uniqueArray(paths, { minLength: 1, maxLength: 3 }),
    mode: fc.constantFrom("hash", "redact"),
    depthMax: fc.constantFrom(1, 2, 32),
    columnsMax: fc.constantFrom(10, 12, 2000),
    include: fc.boolean(),
    fixed: fc.boolean(),
    known: fc.boolean(),
  });
  let seen = 0;

  test("is found nowhere", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(documents, { minLength: 1, maxLength: 3 }), choices, async (
        plain,
        { masks, mode, depthMax, columnsMax, include, fixed, known },
      ) => {
        const lines = plain.flatMap((one) => linesOf(withSecrets(one, [], masks)));
        const rules: Partial<CollectionRules> = {
          depthMax,
          columnsMax,
          keepDocument: true,
          includeFields: include ? ["a.b", "b", "_id"] : [],
          columnTypes: fixed ? { a: { kind: "string" }, "b.c": { kind: "string" } } : {},
        };
        const before = runJob(lines, { rules: mappingRules(rules) });
        if (secrets.test(await textOf(before))) seen++;
        const mask = Object.fromEntries(masks.map((path) => [path, mode as "hash" | "redact"]));
        const result = runJob(lines, {
          rules: mappingRules({ ...rules, mask }),
          tables: known ? before.tables.map((table) => viewAfter(table)) : [],
        });
        expect(result.counts.records).toBe(lines.length);
        expect(await textOf(result)).not.toMatch(secrets);
      }),
      { numRuns: 150 },
    );
    // The property says nothing unless secrets are written where nothing is masked.
    expect(seen).toBeGreaterThan(30);
  });

  function linesOf(document: unknown): string[] {
    const text = JSON.stringify(document);
    const key = JSON.stringify({ id: JSON.stringify((document as { _id?: unknown })._id ?? 1) });
    const update = { updatedFields: text, removedFields: [] };
    return [
      envelope(text),
      JSON.stringify({ key, value: envelope(text) }),
      JSON.stringify({ key, value: envelope(null, { op: "d", before: text }) }),
      JSON.stringify({ key, value: envelope(null, { op: "d" }) }),
      JSON.stringify({ key, value: envelope(null, { op: "u", updateDescription: update }) }),
      JSON.stringify({ key, value: envelope(null, { op: "u", patch: text }) }),
      envelope(`${text.slice(0, -1)},"x":}`),
      JSON.stringify({
        topic: "cdc.shop.things",
        value: JSON.stringify({ ...document as object, __op: "u" }),
      }),
      envelope(text).slice(0, -1),
    ];
  }
});
