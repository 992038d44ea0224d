/**
 * Writes the events of examples/events: `bun scripts/make-examples.ts [FOLDER]`. They are made up,
 * in the form that Debezium 3.6.1 gives them; the same script always writes the same bytes.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type Change, envelope, json, recordKey, withSchemas } from "./examples/debezium.ts";
import { seededRandom } from "./examples/random.ts";
import { customerChanges, orderChanges, productChanges, storeChanges } from "./examples/shop.ts";
import { typeChanges } from "./examples/types.ts";

/** The files by name, and what must come out of them. */
export type Examples = {
  readonly files: ReadonlyMap<string, string>;
  /** Rows of each table, and of the dead letters. */
  readonly rows: Readonly<Record<string, number>>;
};

/** Makes all examples; pure. */
export function makeExamples(): Examples {
  const random = seededRandom(2026);
  const customers = customerChanges(random);
  const orders = orderChanges(random);
  const products = productChanges(random);
  const stores = storeChanges(random);
  const types = typeChanges();
  const files = new Map([
    ["customers.ndjson", lines([...customers.map(bareValue), "{this line is no JSON"])],
    ["orders.pairs.ndjson", lines(orders.flatMap(pairs))],
    ["products.kcat.ndjson", lines(kcatLines(products))],
    ["stores.schemas.ndjson", lines(stores.map((change) => json(withSchemas(change))))],
    ["types.ndjson", lines(types.map(bareValue))],
  ]);
  const rows = {
    "shop.customers": customers.length,
    "shop.orders": orders.length,
    "shop.products": products.length,
    "shop.stores": stores.length,
    "shop.types": types.length,
    deadLetters: 2,
  };
  return { files, rows };
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}

function bareValue(change: Change): string {
  return json(envelope(change));
}

/** Key and value as the texts they were in Kafka; a delete is followed by its tombstone. */
function pairs(change: Change): string[] {
  const key = json(recordKey(change));
  const pair = json({ key, value: json(envelope(change)) });
  return change.op === "d" ? [pair, json({ key, value: null })] : [pair];
}

type KafkaRecord = {
  readonly topic: string;
  readonly partition: number;
  readonly ts: number;
  readonly key: string | null;
  readonly payload: string | null;
};

/** What `kcat -C -J` prints: two partitions, side topics, a record that is no event. */
function kcatLines(changes: readonly Change[]): string[] {
  const records: KafkaRecord[] = changes.map((change, index) => ({
    topic: "demo.shop.products",
    partition: index % 2,
    ts: change.ms + 150,
    key: json(recordKey(change)),
    payload: json(envelope(change)),
  }));
  const ts = (changes.at(-1)?.ms ?? 0) + 1000;
  records.splice(8, 0, {
    topic: "__debezium-heartbeat.demo",
    partition: 0,
    ts,
    key: json({ serverName: "demo" }),
    payload: json({ ts_ms: ts }),
  });
  records.splice(15, 0, {
    topic: "demo.shop.products",
    partition: 1,
    ts,
    key: null,
    payload: "Struct{after=a StringConverter was used here}",
  });
  const next = new Map<string, number>();
  return records.map(({ topic, partition, ts, key, payload }) => {
    const lane = `${topic}/${partition}`;
    // Offsets have gaps where Kafka keeps the markers of transactions.
    const offset = next.get(lane) ?? 1000;
    next.set(lane, offset + (offset % 5 === 0 ? 2 : 1));
    return json({ topic, partition, offset, tstype: "create", ts, broker: 1, key, payload });
  });
}

function writeExamples(folder: string): void {
  const { files, rows } = makeExamples();
  mkdirSync(join(folder, "events"), { recursive: true });
  for (const [name, text] of files) writeFileSync(join(folder, "events", name), text);
  writeFileSync(join(folder, "expected-rows.json"), `${JSON.stringify(rows, null, 2)}\n`);
}

if (import.meta.main) {
  writeExamples(process.argv[2] ?? fileURLToPath(new URL("../examples", import.meta.url)));
}
