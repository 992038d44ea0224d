import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import type { EncodedTable, EncodeResult } from "../../src/core/encode/encode-job.ts";
import {
  documentPart,
  onlyTable,
  rescuedOf,
  type Row,
  rowsOf,
  runJob,
} from "../core/encode/encode-harness.ts";
import { type Bson, bsonOf, canonicalText, identityText } from "../core/encode/model/bson.ts";
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

describe.skipIf(!present)("live captures", () => {
  const files = present
    ? readdirSync(path.join(corpus, "live-3.6.1")).filter((name) => name.endsWith(".ndjson"))
    : [];

  for (
    const file of files.filter((name) => !/^smt-|signals-topic|transaction-topic|notif/.test(name))
  ) {
    test(`${file} equals the model, value for value`, async () => {
      const lines = linesOf(`live-3.6.1/${file}`);
      const result = runJob(lines);
      expect(result.fault).toBeNull();
      await compareWithModel(lines, result);
    });
  }
});

type LiveLine = {
  readonly offset: number;
  readonly topic: string;
  readonly key: string | null;
  readonly value: string | null;
};
type Envelope = {
  readonly before: string | null;
  readonly after: string | null;
  readonly updateDescription: unknown;
  readonly source: { readonly ts_ms: number; readonly db: string; readonly collection: string };
  readonly op: string;
};

const operations: Readonly<Record<string, string>> = {
  c: "insert",
  u: "update",
  d: "delete",
  r: "read",
};

function unwrapped(text: string): unknown {
  const value = JSON.parse(text) as Record<string, unknown>;
  return "schema" in value && "payload" in value ? value["payload"] : value;
}

type Expected = { readonly line: LiveLine; readonly event: Envelope; readonly id: Bson };

async function compareWithModel(lines: readonly string[], result: EncodeResult): Promise<void> {
  const models = new Map<string, { model: LadderModel; expected: Expected[] }>();
  let rowless = 0;
  let tombstones = 0;
  for (const text of lines) {
    const line = JSON.parse(text) as LiveLine;
    if (line.value === null) {
      tombstones++;
      continue;
    }
    const event = unwrapped(line.value) as Envelope;
    if (!("op" in event) || isSignal(line, event)) {
      rowless++;
      continue;
    }
    const id = bsonOf(parseRaw((unwrapped(line.key!) as { id: string }).id));
    const name = `${event.source.db}.${event.source.collection}`;
    const table = models.get(name) ?? { model: new LadderModel(), expected: [] };
    models.set(name, table);
    const document = event.op === "d" ? event.before : event.after;
    const bson = document === null ? null : bsonOf(parseRaw(document));
    table.model.add(bson?.t === "document" ? bson.members : [["_id", id]]);
    table.expected.push({ line, event, id });
  }
  expect(result.counts).toMatchObject({ records: lines.length, rowless, tombstones });
  expect(result.tables.map(({ key }) => key)).toEqual([...models.keys()]);
  for (const table of result.tables) {
    const { model, expected } = models.get(table.key)!;
    expect(documentFields(table)).toEqual(model.schema());
    await compareRows(await rowsOf(table), model, expected);
  }
}

function documentFields(table: EncodedTable): unknown {
  const ours = /^_(cdc|kafka|ingestion)_|^_rescued_data$/;
  return table.schema.fields.filter(({ name }) => !ours.test(name));
}

async function compareRows(
  rows: readonly Row[],
  model: LadderModel,
  expected: readonly Expected[],
): Promise<void> {
  const modelRows = model.modelRows();
  expect(rows.length).toBe(modelRows.length);
  for (const [i, row] of rows.entries()) {
    const { line, event, id } = expected[i]!;
    const { values, rescued } = modelRows[i]!;
    expect(documentPart(row)).toEqual(values);
    const allRescued: Record<string, unknown> = {};
    for (const [name, text] of Object.entries(rescued)) allRescued[name] = JSON.parse(text);
    const description = event.updateDescription as Record<string, unknown> | null;
    if (event.op === "u" && event.after === null && description !== null) {
      const updated = description["updatedFields"];
      allRescued["/updateDescription"] = {
        ...(JSON.parse(canonicalText(bsonOf(parseRaw(JSON.stringify(description))))) as object),
        ...(typeof updated === "string"
          ? { updatedFields: JSON.parse(canonicalText(bsonOf(parseRaw(updated)))) as unknown }
          : {}),
      };
    }
    expect(rescuedOf(row)).toEqual(allRescued);
    expect(row).toMatchObject({
      _cdc_operation: operations[event.op]!,
      _cdc_timestamp: BigInt(event.source.ts_ms) * 1000n,
      _cdc_key: identityText(id),
      _kafka_topic: line.topic,
      _kafka_partition: 0,
      _kafka_offset: BigInt(line.offset),
    });
  }
}

function isSignal(line: LiveLine, event: Envelope): boolean {
  if (event.source.collection !== "signals_a") return false;
  if (event.op === "d") return /-(open|close)/.test(line.key!);
  return true;
}
