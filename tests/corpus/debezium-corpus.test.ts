import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import {
  documentPart,
  envelope,
  onlyTable,
  rescuedOf,
  rowsOf,
  runJob,
} from "../core/encode/encode-harness.ts";
import { type Bson, bsonOf, identityText } from "../core/encode/model/bson.ts";
import {
  documentFields,
  expectRecords,
  rescuedValues,
} from "../core/encode/model/expect-records.ts";
import { LadderModel } from "../core/encode/model/ladder.ts";
import { parseRaw } from "../core/encode/model/raw-json.ts";
import { projectRoot } from "../support/project-root.ts";
import { optional } from "../support/requirement.ts";

const corpus = path.join(
  process.env["CDCDELTA_CORPUS"] ?? path.join(projectRoot, "../shared/corpus"),
  "debezium",
);
const present = optional(existsSync(corpus), `the Debezium corpus is not at ${corpus}`);

function linesOf(file: string): string[] {
  return readFileSync(path.join(corpus, file), "utf8").split("\n").filter((line) => line !== "");
}

function filesIn(folder: string): string[] {
  const names = readdirSync(path.join(corpus, folder)).filter((name) => name.endsWith(".ndjson"));
  return names.sort().map((name) => path.posix.join(folder, name));
}

/** Rows by table, and what has no row: [tombstones, rowless records]. */
type Outcome = readonly [Readonly<Record<string, number>>, number, number];

const dead = (count: number, tombstones = 0): Outcome => [
  { "$dead-letters": count },
  tombstones,
  0,
];
const customersAndOthers = {
  "inventory.customers": 12,
  "inventory.sys.orders.v2": 1,
  "inventory.sh": 1,
  "inventory.orders": 1,
};

/** Every file of the corpus, its lines taken as records as they stand. */
const outcomes: Readonly<Record<string, Outcome>> = {
  "bson-renderings.ndjson": dead(75),
  "constructed-connect-rest.ndjson": dead(15),
  "constructed-kafka-signals.ndjson": [{ "$dead-letters": 1 }, 0, 8],
  "debezium-docs-examples.ndjson": dead(54),
  "debezium-test-documents.ndjson": dead(7),
  "debezium-test-expected-key-ids.ndjson": dead(4),
  "debezium-test-expected-strings.ndjson": dead(89),
  "debezium-test-signals.java-snippets.ndjson": dead(14),
  "generated-cloudevents-3.6.1.ndjson": dead(6, 2),
  "generated-envelope-3.6.1.ndjson": [customersAndOthers, 1, 3],
  "generated-envelope-3.6.1.schemas-enabled.ndjson": [customersAndOthers, 1, 3],
  "generated-envelope-bson-types-3.6.1.ndjson": [{ "inventory.types": 29 }, 0, 0],
  "generated-envelope-bson-types-3.6.1.schemas-enabled.ndjson": [{ "inventory.types": 29 }, 0, 0],
  "generated-keys-3.6.1.ndjson": [{ "inventory.keys": 16 }, 0, 0],
  "generated-keys-3.6.1.schemas-enabled.ndjson": [{ "inventory.keys": 16 }, 0, 0],
  "generated-notifications-3.6.1.ndjson": [{}, 0, 15],
  "generated-notifications-3.6.1.schemas-enabled.ndjson": [{}, 0, 15],
  "generated-other-converters-3.6.1.ndjson": [
    { "inventory.customers": 1, "$dead-letters": 2 },
    0,
    0,
  ],
  "generated-other-converters-3.6.1.schemas-enabled.ndjson": dead(1),
  // Without `__op` only deletes can be used; without `_id` and `__` nothing says what they are.
  "generated-smt-3.6.1.ndjson": [{ "inventory.customers": 8, "$dead-letters": 37 }, 6, 0],
  "generated-smt-3.6.1.schemas-enabled.ndjson": [
    { "inventory.customers": 8, "$dead-letters": 30 },
    6,
    0,
  ],
  "generated-smt-bson-types-3.6.1.ndjson": dead(29),
  "generated-smt-bson-types-3.6.1.schemas-enabled.ndjson": dead(25),
  "generated-smt-keys-3.6.1.ndjson": dead(16),
  "generated-smt-keys-3.6.1.schemas-enabled.ndjson": dead(16),
  "live-3.6.1/kafka-signals-topic.ndjson": [{}, 0, 2],
  "live-3.6.1/notifications-topic-schemaful.ndjson": [{}, 0, 8],
  "live-3.6.1/notifications-topic-schemaless.ndjson": [{}, 0, 26],
  "live-3.6.1/patchonly-schemaless-bson-types-updatedFields.ndjson": [{ "shop.types": 21 }, 0, 0],
  "live-3.6.1/patchonly-schemaless-customers-and-transaction-metadata.ndjson": [
    { "shop.customers": 16, "shop.orders": 3 },
    6,
    0,
  ],
  "live-3.6.1/preimage-schemaless-customers-update-replace-delete.ndjson": [
    { "shop.customers": 16 },
    6,
    0,
  ],
  "live-3.6.1/schemaful-bson-types-insert.ndjson": [{ "shop.types": 21 }, 0, 0],
  "live-3.6.1/schemaful-bson-types-snapshot.ndjson": [{ "shop.types": 21 }, 0, 0],
  "live-3.6.1/schemaful-bson-types-update.ndjson": [{ "shop.types": 21 }, 0, 0],
  "live-3.6.1/schemaful-customers-incremental-snapshot-by-kafka-signal.ndjson": [
    { "shop.customers": 15 },
    0,
    0,
  ],
  "live-3.6.1/schemaful-customers-insert.ndjson": [{ "shop.customers": 10 }, 0, 0],
  "live-3.6.1/schemaful-customers-snapshot-initial.ndjson": [{ "shop.customers": 10 }, 0, 0],
  "live-3.6.1/schemaful-customers-update-replace-delete-tombstone.ndjson": [
    { "shop.customers": 17 },
    6,
    0,
  ],
  "live-3.6.1/schemaful-id-types-snapshot-delete-tombstone.ndjson": [{ "shop.ids": 18 }, 3, 0],
  "live-3.6.1/schemaful-orders-initial-stream-incremental-blocking-whole-topic.ndjson": [
    { "shop.orders": 7 },
    0,
    0,
  ],
  "live-3.6.1/schemaless-bson-types-insert.ndjson": [{ "shop.types": 21 }, 0, 0],
  "live-3.6.1/schemaless-bson-types-snapshot.ndjson": [{ "shop.types": 21 }, 0, 0],
  "live-3.6.1/schemaless-bson-types-update.ndjson": [{ "shop.types": 21 }, 0, 0],
  "live-3.6.1/schemaless-bson-types-updatedFields.ndjson": [{ "shop.types": 21 }, 0, 0],
  "live-3.6.1/schemaless-customers-incremental-snapshot-by-kafka-signal.ndjson": [
    { "shop.customers": 15 },
    0,
    0,
  ],
  "live-3.6.1/schemaless-customers-insert.ndjson": [{ "shop.customers": 10 }, 0, 0],
  "live-3.6.1/schemaless-customers-snapshot-initial.ndjson": [{ "shop.customers": 10 }, 0, 0],
  "live-3.6.1/schemaless-customers-update-replace-delete-tombstone.ndjson": [
    { "shop.customers": 17 },
    6,
    0,
  ],
  "live-3.6.1/schemaless-id-types-snapshot-delete-tombstone.ndjson": [{ "shop.ids": 30 }, 15, 0],
  "live-3.6.1/schemaless-orders-initial-stream-incremental-blocking-whole-topic.ndjson": [
    { "shop.orders": 9 },
    0,
    0,
  ],
  "live-3.6.1/signal-collection-topic-schemaless.ndjson": [{}, 0, 11],
  "live-3.6.1/smt-unwrap-schemaful-bson-types-snapshot-and-update.ndjson": [
    { "shop.types": 17 },
    0,
    0,
  ],
  "live-3.6.1/smt-unwrap-schemaful-customers.ndjson": [{ "shop.customers": 26 }, 6, 0],
  "live-3.6.1/smt-unwrap-schemaful-id-types.ndjson": [{ "shop.ids": 14 }, 0, 0],
  "live-3.6.1/smt-unwrap-schemaless-bson-types-snapshot-and-update.ndjson": [
    { "shop.types": 34 },
    0,
    0,
  ],
  "live-3.6.1/smt-unwrap-schemaless-customers.ndjson": [{ "shop.customers": 26 }, 6, 0],
  "live-3.6.1/smt-unwrap-schemaless-id-types.ndjson": [{ "shop.ids": 28 }, 14, 0],
  "live-3.6.1/transaction-topic.ndjson": [{}, 0, 2],
  "paimon-bson-to-json-expectation.ndjson": dead(1),
  "real-1.9.4-cud.ndjson": [{ "test.source": 3 }, 0, 0],
  "real-2.0.1-cloudevents-update.ndjson": dead(1),
  "real-2.1.4-snapshot.ndjson": [{ "inventory.customers": 4 }, 0, 0],
  "real-2.1.4-snapshot.schemas-enabled.ndjson": [{ "inventory.customers": 4 }, 0, 0],
  "real-2.4.2-delete.schemaless-envelope.ndjson": [{ "dev.test": 1 }, 0, 0],
  "real-2.7.0-cud.hand-edited.ndjson": [{ "bigdata_test.sync_test_table": 6 }, 0, 0],
  "real-misc-versions.ndjson": [
    {
      "inventory.products": 1,
      "test.test_table": 1,
      "inventory.customers": 1,
      "claims-CDC-demo.claims-demo": 1,
    },
    0,
    0,
  ],
};

describe.skipIf(!present)("every file of the corpus", () => {
  test("has an expectation", () => {
    const files = [...filesIn(""), ...filesIn("live-3.6.1")];
    expect(files.sort()).toEqual(Object.keys(outcomes).sort());
  });

  for (const [file, [rows, tombstones, rowless]] of Object.entries(outcomes)) {
    test(`${file} decodes or goes to the dead letters`, async () => {
      const lines = linesOf(file);
      const result = runJob(lines);
      expect(result.fault).toBeNull();
      expect(Object.fromEntries(result.tables.map((table) => [table.key, table.rows]))).toEqual(
        rows,
      );
      expect(result.counts).toMatchObject({ records: lines.length, tombstones, rowless });
      for (const table of result.tables) {
        if (table.key !== "$dead-letters") continue;
        for (const row of await rowsOf(table)) expect(row["error"]).toMatch(/^Cannot /);
      }
    });
  }
});

describe.skipIf(!present)("captures and generated envelopes", () => {
  const isEnvelopes = (file: string) =>
    /^live-3.6.1\/(?!smt-)|^generated-(envelope|keys|notifications)|^real-(?!2.0.1)/.test(file) &&
    !file.includes("kafka-signals");
  const files = Object.keys(outcomes).filter(isEnvelopes);
  for (const file of files) {
    test(`${file} equals the model, value for value`, async () => {
      const lines = linesOf(file);
      await expectRecords(lines, runJob(lines));
    });
  }
});

describe.skipIf(!present)("captures of the flattened form", () => {
  const operations = { c: "insert", u: "update", d: "delete", r: "read" } as const;
  type Line = { readonly key: string; readonly value: string | null; readonly topic: string };
  type Flat = { readonly __op: keyof typeof operations; readonly __source_ts_ms: number };

  const payloadOf = (text: string): Bson => {
    const parsed = bsonOf(parseRaw(text));
    const members = parsed.t === "document" ? parsed.members : [];
    return members.find(([name]) => name === "payload")?.[1] ?? parsed;
  };
  const membersOf = (value: Bson) => value.t === "document" ? value.members : [];

  for (const file of Object.keys(outcomes).filter((name) => name.includes("smt-unwrap"))) {
    test(`${file} equals the model, value for value`, async () => {
      const lines = linesOf(file);
      const events = lines.map((line) => JSON.parse(line) as Line)
        .filter(({ value }) => value !== null);
      const model = new LadderModel();
      const facts = events.map(({ key, value }) => {
        const members = membersOf(payloadOf(value!));
        const end = members.findIndex(([name]) => name === "__deleted");
        const id = membersOf(payloadOf(key)).find(([name]) => name === "id")![1];
        model.add(end === 0 ? [["_id", id]] : members.slice(0, end));
        const json = JSON.parse(value!) as { readonly payload?: Flat } & Flat;
        const { __op, __source_ts_ms } = json.payload ?? json;
        return {
          _cdc_operation: operations[__op],
          _cdc_timestamp: BigInt(__source_ts_ms) * 1000n,
          _cdc_key: identityText(id),
        };
      });
      const table = onlyTable(runJob(lines));
      expect(table.key).toBe(events[0]!.topic.replace(/^[^.]*\./, ""));
      expect(documentFields(table)).toEqual(model.schema());
      const expected = model.modelRows();
      const rows = await rowsOf(table);
      expect(rows.length).toBe(events.length);
      for (const [i, row] of rows.entries()) {
        expect(row).toMatchObject(facts[i]!);
        expect(documentPart(row)).toEqual(expected[i]!.values);
        expect(rescuedOf(row)).toEqual(rescuedValues(expected[i]!.rescued));
      }
    });
  }
});

/** Documents as `after` of inserts, one job, held against the model. */
async function expectDocuments(texts: readonly string[]): Promise<void> {
  const model = new LadderModel();
  const parsed = texts.map((text) => bsonOf(parseRaw(text)));
  for (const document of parsed) {
    if (document.t !== "document") throw new Error("A document is an object");
    model.add(document.members);
  }
  const table = onlyTable(runJob(texts.map((text) => envelope(text))));
  expect(documentFields(table)).toEqual(model.schema());
  const expected = model.modelRows();
  const rows = await rowsOf(table);
  expect(rows.length).toBe(texts.length);
  for (const [i, row] of rows.entries()) {
    expect(documentPart(row)).toEqual(expected[i]!.values);
    expect(rescuedOf(row)).toEqual(rescuedValues(expected[i]!.rescued));
  }
}

type Rendering = {
  readonly bson: string;
  readonly after: string;
  readonly updatedFields?: string;
  readonly keyId?: string;
  readonly v2canonical?: string;
  readonly v2relaxedCompact?: string;
};

describe.skipIf(!present)("renderings of every BSON type", () => {
  const renderings = present ? linesOf("bson-renderings.ndjson").map(parseRendering) : [];

  test("are all there", () => {
    expect(renderings.length).toBe(75);
  });

  for (const { bson, keyId, ...flavours } of renderings) {
    test(`${bson} gives the model's row in each flavour`, async () => {
      for (const text of Object.values(flavours)) await expectDocuments([text]);
    });

    if (keyId === undefined) continue;
    test(`${bson} has one identity in every flavour`, async () => {
      const wanted = identityText(bsonOf(parseRaw(keyId)));
      const keyed = JSON.stringify({
        key: JSON.stringify({ id: keyId }),
        value: envelope(null, { op: "d" }),
      });
      const bare = [flavours.after, flavours.v2canonical!, flavours.v2relaxedCompact!];
      const lines = [keyed, ...bare.map((text) => envelope(text))];
      const rows = await rowsOf(onlyTable(runJob(lines)));
      const pointer = bson === "dbPointer" && rows.length === 4;
      const identities = rows.filter((_, i) => !(pointer && i === 2)).map((row) => row["_cdc_key"]);
      expect(new Set(identities)).toEqual(new Set([wanted]));
    });
  }
});

function parseRendering(line: string): Rendering {
  return JSON.parse(line) as Rendering;
}

describe.skipIf(!present)("documents of Debezium's own tests", () => {
  test("source documents equal the model", async () => {
    for (const line of linesOf("debezium-test-documents.ndjson")) {
      const shell = (JSON.parse(line) as { readonly text: string }).text;
      const text = shell.replaceAll(/ObjectId\(("[^"]*")\)/g, '{"$oid":$1}');
      const documents = text.split(/\n(?=\{)/).map((one) => one.trim()).filter((one) => one !== "");
      await expectDocuments(documents);
    }
  });

  test("expected texts of after equal the model", async () => {
    const texts = linesOf("debezium-test-expected-strings.ndjson")
      .map((line) => JSON.parse(line) as { readonly role: string; readonly text: string })
      .filter(({ role }) => role === "after")
      .map(({ text }) => text.replace("<OID>", "596e275826f08b2730779e1f"));
    expect(texts.length).toBeGreaterThan(10);
    await expectDocuments(texts);
  });

  test("the documentation's examples decode or go to the dead letters", () => {
    const lines = linesOf("debezium-docs-examples.ndjson")
      .map((line) => (JSON.parse(line) as { readonly json: unknown }).json)
      .filter((json) => json !== null && json !== undefined)
      .map((json) => JSON.stringify(json));
    const result = runJob(lines);
    expect(result.fault).toBeNull();
    const rows = result.tables.reduce((sum, table) => sum + table.rows, 0);
    expect(rows + result.counts.rowless + result.counts.tombstones).toBe(lines.length);
  });

  test("a document of another consumer's tests equals the model", async () => {
    for (const line of linesOf("paimon-bson-to-json-expectation.ndjson")) {
      await expectDocuments([(JSON.parse(line) as { readonly bson: string }).bson]);
    }
  });
});
