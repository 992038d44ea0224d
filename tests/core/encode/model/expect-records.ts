import { expect } from "bun:test";
import type { EncodedTable, EncodeResult } from "../../../../src/core/encode/encode-job.ts";
import { documentPart, rescuedOf, type Row, rowsOf } from "../encode-harness.ts";
import { type Bson, bsonOf, canonicalText, identityText } from "./bson.ts";
import { LadderModel } from "./ladder.ts";
import { parseRaw } from "./raw-json.ts";

/** A key+value pair, as the corpus and the console tools write records. */
type PairLine = {
  readonly topic?: string;
  readonly offset?: number;
  readonly key?: string | null;
  readonly value: string | null;
};
type Envelope = {
  readonly before?: string | null;
  readonly after: string | null;
  readonly updateDescription?: unknown;
  readonly patch?: string | null;
  readonly source: { readonly ts_ms: number; readonly db: string; readonly collection: string };
  readonly op: string;
};
type Expected = { readonly line: PairLine; readonly event: Envelope; readonly id: Bson | null };
type ModelTable = { readonly model: LadderModel; readonly expected: Expected[] };

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

function parsed(text: string): Bson {
  return bsonOf(parseRaw(text));
}

/** Holds a job's result against what the records say, read in the plainest way. */
export async function expectRecords(
  lines: readonly string[],
  result: EncodeResult,
): Promise<void> {
  const models = new Map<string, ModelTable>();
  let rowless = 0;
  let tombstones = 0;
  for (const text of lines) {
    const line = JSON.parse(text) as PairLine;
    const event = line.value === null ? null : unwrapped(line.value) as Envelope;
    if (event === null) tombstones++;
    else if (!("op" in event) || isSignal(line, event)) rowless++;
    else addEvent(models, line, event);
  }
  expect(result.fault).toBeNull();
  expect(result.counts).toMatchObject({ records: lines.length, rowless, tombstones });
  expect(result.tables.map(({ key }) => key)).toEqual([...models.keys()]);
  for (const table of result.tables) {
    const { model, expected } = models.get(table.key)!;
    expect(documentFields(table)).toEqual(model.schema());
    expectRows(await rowsOf(table), model, expected);
  }
}

function addEvent(models: Map<string, ModelTable>, line: PairLine, event: Envelope): void {
  const name = `${event.source.db}.${event.source.collection}`;
  const table = models.get(name) ?? { model: new LadderModel(), expected: [] };
  models.set(name, table);
  const text = event.op === "d" ? event.before ?? null : event.after;
  const document = text === null ? null : parsed(text);
  const members = document?.t === "document" ? document.members : [];
  const id = line.key == null
    ? members.find(([field]) => field === "_id")?.[1] ?? null
    : parsed((unwrapped(line.key) as { readonly id: string }).id);
  table.model.add(document === null && id !== null ? [["_id", id]] : members);
  table.expected.push({ line, event, id });
}

/** The documents' columns of a table's schema. */
export function documentFields(table: EncodedTable): unknown {
  const ours = /^_(cdc|kafka|ingestion)_|^_rescued_data$/;
  return table.schema.fields.filter(({ name }) => !ours.test(name));
}

function expectRows(
  rows: readonly Row[],
  model: LadderModel,
  expected: readonly Expected[],
): void {
  const modelRows = model.modelRows();
  expect(rows.length).toBe(modelRows.length);
  for (const [i, row] of rows.entries()) {
    const { line, event, id } = expected[i]!;
    const { values, rescued } = modelRows[i]!;
    expect(documentPart(row)).toEqual(values);
    expect(rescuedOf(row)).toEqual({ ...rescuedValues(rescued), ...updateOf(event) });
    expect(row).toMatchObject({
      _cdc_operation: operations[event.op]!,
      _cdc_timestamp: BigInt(event.source.ts_ms) * 1000n,
      _cdc_key: id === null ? null : identityText(id),
      _kafka_partition: 0,
    });
    if (line.offset === undefined) continue;
    expect(row).toMatchObject({ _kafka_topic: line.topic!, _kafka_offset: BigInt(line.offset) });
  }
}

/** Texts of rescued values as values, in the form of `rescuedOf`. */
export function rescuedValues(rescued: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(rescued).map(([path, text]) => [path, JSON.parse(text) as unknown]),
  );
}

/** What a row keeps of an update that came without its document. */
function updateOf(event: Envelope): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  if (event.op !== "u" || event.after !== null) return kept;
  const description = (event.updateDescription ?? null) as Record<string, unknown> | null;
  if (description !== null) {
    const canonical = canonicalText(parsed(JSON.stringify(description)));
    kept["/updateDescription"] = JSON.parse(canonical) as object;
    const updated = description["updatedFields"];
    if (typeof updated === "string") {
      Object.assign(kept["/updateDescription"] as object, {
        updatedFields: JSON.parse(canonicalText(parsed(updated))) as unknown,
      });
    }
  }
  if (typeof event.patch === "string") {
    kept["/patch"] = JSON.parse(canonicalText(parsed(event.patch))) as unknown;
  }
  return kept;
}

function isSignal(line: PairLine, event: Envelope): boolean {
  if (event.source.collection !== "signals_a") return false;
  return event.op !== "d" || /-(open|close)/.test(line.key ?? "");
}
