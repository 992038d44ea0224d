import { deadLetterTable } from "../../src/core/encode/encode-job.ts";
import { parseAppId } from "../../src/core/position/app-id.ts";
import type { Value } from "../../src/delta/columns/column-builder.ts";
import { valueAt } from "../../src/delta/columns/column-value.ts";
import { loadSnapshot } from "../../src/delta/log/snapshot.ts";
import { scanSnapshot } from "../../src/delta/operations/scan.ts";
import { lintTable } from "../support/log-linter.ts";
import type { SimEvent } from "./sim-topic.ts";
import { calmEngine, type World } from "./sim-world.ts";

/** The hint is written after the checkpoint; a process that dies between leaves a legal log. */
function isKilledBeforeHint(finding: string): boolean {
  const [, named, newest] = /^_last_checkpoint names (\d+), not (\d+)$/.exec(finding) ?? [];
  return finding === "_last_checkpoint is missing" || Number(named) < Number(newest);
}

type Row = Readonly<Record<string, Value>>;

/** What is wrong with the tables, in words; empty: every event is there exactly once, unchanged. */
export async function findFaults(world: World): Promise<string[]> {
  const faults: string[] = [];
  const events = world.input.partitions.flatMap((one) => one.events).filter((one) => one !== null);
  const collections = [...new Set(events.map((event) => event.collection))];
  for (const collection of collections) {
    const wanted = events.filter((event) => event.collection === collection);
    const rows = await readRows(world, `shop.${collection}`);
    if (rows === null) faults.push(`shop.${collection}: the table is missing`);
    else faults.push(...compareTable(collection, wanted, rows));
    // One that sleeps past its time wakes up with a flush that it opened long ago.
    if (world.weather.freeze === 0) faults.push(...laterRows(collection, rows ?? []));
    const findings = await lintTable(calmEngine(world, `shop.${collection}`).store);
    faults.push(...findings.filter((finding) => !isKilledBeforeHint(finding)));
  }
  for (const [key, column] of world.rivalColumns) {
    const { signal } = new AbortController();
    const { schema } = await loadSnapshot(calmEngine(world, key), { signal });
    const kept = schema.fields.some((field) => field.name === column);
    if (!kept) faults.push(`${key}: column ${column} of another writer is gone`);
  }
  const letters = await readRows(world, deadLetterTable) ?? [];
  const wantedLetters = world.input.partitions.reduce((sum, one) => sum + one.deadLetters, 0);
  if (letters.length !== wantedLetters) {
    faults.push(`dead letters: ${letters.length} instead of ${wantedLetters}`);
  }
  return faults;
}

async function readRows(world: World, key: string): Promise<Row[] | null> {
  const engine = calmEngine(world, key);
  const { signal } = new AbortController();
  const exists = await engine.store.head("_delta_log/00000000000000000000.json", { signal });
  if (exists === null) return null;
  const snapshot = await loadSnapshot(engine, { signal });
  const rows: Row[] = [];
  for await (const batch of scanSnapshot(engine, snapshot, { signal })) {
    for (let row = 0; row < batch.length; row++) {
      const entries = snapshot.schema.fields.map((field, index) =>
        [field.name, valueAt(batch.columns[index]!, field.type, row)] as const
      );
      rows.push(Object.fromEntries(entries));
    }
  }
  return rows.filter((row) => row["_kafka_topic"] !== null);
}

function compareTable(collection: string, events: readonly SimEvent[], rows: Row[]): string[] {
  const faults: string[] = [];
  const found = new Map<string, Row[]>();
  for (const row of rows) {
    const name = `${row["_kafka_topic"]}/${row["_kafka_partition"]}/${row["_kafka_offset"]}`;
    found.set(name, [...(found.get(name) ?? []), row]);
  }
  for (const event of events) {
    const name = `${event.topic}/${event.partition}/${event.offset}`;
    const matches = found.get(name) ?? [];
    found.delete(name);
    if (matches.length === 0) faults.push(`${collection} ${name}: lost`);
    if (matches.length > 1) faults.push(`${collection} ${name}: ${matches.length} times`);
    if (matches.length === 1) {
      faults.push(...compareRow(`${collection} ${name}`, event, matches[0]!));
    }
  }
  for (const name of found.keys()) faults.push(`${collection} ${name}: not an event of it`);
  return faults;
}

/** Of one partition no row is ingested before an earlier one, whoever wrote them. */
function laterRows(collection: string, rows: readonly Row[]): string[] {
  const places = rows.map((row) => ({
    partition: `${row["_kafka_topic"]}/${row["_kafka_partition"]}`,
    offset: row["_kafka_offset"] as bigint,
    micros: row["_ingestion_timestamp"] as bigint,
  }));
  const newest = new Map<string, bigint>();
  return places.toSorted((a, b) => Number(a.offset - b.offset)).flatMap((place) => {
    const before = newest.get(place.partition) ?? 0n;
    if (place.micros >= before) {
      newest.set(place.partition, place.micros);
      return [];
    }
    const { partition, offset, micros } = place;
    return [`${collection} ${partition}/${offset}: ingested at ${micros}, after ${before}`];
  });
}

const operations = { c: "insert", u: "update", d: "delete" } as const;

function compareRow(name: string, event: SimEvent, row: Row): string[] {
  const faults: string[] = [];
  const same = (what: string, is: unknown, wanted: unknown): void => {
    if (is !== wanted) faults.push(`${name}: ${what} is ${String(is)}, not ${String(wanted)}`);
  };
  same("_cdc_operation", row["_cdc_operation"], operations[event.op]);
  same("_cdc_key", row["_cdc_key"], `{"$numberInt":"${event.id}"}`);
  const rescued: Record<string, unknown> = typeof row["_rescued_data"] === "string"
    ? JSON.parse(row["_rescued_data"])
    : {};
  for (const [field, value] of Object.entries(event.document ?? {})) {
    compareValue(`/${field}`, value, row[field], { rescued, same });
  }
  return faults;
}

type Comparison = {
  readonly rescued: Readonly<Record<string, unknown>>;
  readonly same: (what: string, is: unknown, wanted: unknown) => void;
};

function compareValue(path: string, value: unknown, cell: unknown, to: Comparison): void {
  if (path in to.rescued) {
    to.same(path, plain(to.rescued[path]), plain(value));
    return;
  }
  if (typeof value === "object" && value !== null) {
    const struct: Record<string, unknown> = typeof cell === "object" && cell !== null
      ? { ...cell }
      : {};
    for (const [name, inner] of Object.entries(value)) {
      compareValue(`${path}/${name}`, inner, struct[name], to);
    }
    return;
  }
  to.same(path, typeof cell === "bigint" ? Number(cell) : cell, value);
}

/** `{"$numberInt":"5"}` and the like as text, to compare with the value. */
function plain(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const [name, text] = Object.entries(value)[0] ?? ["", ""];
  return name.startsWith("$number") ? String(Number(text)) : JSON.stringify(value);
}

/** Positions may never be ahead of the rows: checked whenever a process died. */
export async function positionsOf(world: World, key: string): Promise<Map<string, bigint>> {
  const { signal } = new AbortController();
  const snapshot = await loadSnapshot(calmEngine(world, key), { signal });
  const entries = [...snapshot.transactions].flatMap(([appId, txn]) => {
    const id = parseAppId(appId);
    return id === null ? [] : [[`${id.topic}/${id.partition}`, txn.version] as const];
  });
  return new Map(entries);
}
