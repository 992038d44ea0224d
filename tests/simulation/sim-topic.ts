import type { SeededRandom } from "./seeded-random.ts";

/** A change in the simulated MongoDB, as it stands in a topic. */
export type SimEvent = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly collection: string;
  readonly op: "c" | "u" | "d";
  readonly id: number;
  /** The document after the change; undefined for deletes. */
  readonly document?: Readonly<Record<string, unknown>>;
};

/** One partition's log: kcat lines, and what each of them is. */
export type SimPartition = {
  readonly topic: string;
  readonly partition: number;
  readonly lane: string;
  readonly lines: readonly string[];
  /** Null: a record without a row (tombstone, heartbeat) or a dead letter. */
  readonly events: readonly (SimEvent | null)[];
  readonly deadLetters: number;
};

export type SimInput = { readonly partitions: readonly SimPartition[] };

/** Makes the topics of a seed. One topic can feed two collections; values change their types. */
export function makeInput(random: SeededRandom): SimInput {
  const topics = ["cdc.shop.orders", "cdc.shop.mixed"].slice(0, 1 + random.int(2));
  const partitions: SimPartition[] = [];
  for (const topic of topics) {
    const count = 1 + random.int(3);
    for (let partition = 0; partition < count; partition++) {
      partitions.push(makePartition(random, topic, partition));
    }
  }
  return { partitions };
}

function makePartition(random: SeededRandom, topic: string, partition: number): SimPartition {
  const lines: string[] = [];
  const events: (SimEvent | null)[] = [];
  let deadLetters = 0;
  const count = random.chance(0.1) ? 0 : 5 + random.int(60);
  const onlyTombstones = random.chance(0.08);
  let offset = random.int(5);
  for (let index = 0; index < count; index++) {
    const head = { topic, partition, offset };
    if (onlyTombstones || random.chance(0.08)) {
      lines.push(JSON.stringify({ ...head, key: keyOf(1), payload: null }));
      events.push(null);
    } else if (random.chance(0.05)) {
      lines.push(JSON.stringify({ ...head, key: null, payload: brokenPayload(random, topic) }));
      events.push(null);
      deadLetters += 1;
    } else {
      const event = makeEvent(random, head, index);
      const payload = JSON.stringify(envelope(event));
      lines.push(JSON.stringify({ ...head, key: keyOf(event.id), payload }));
      events.push(event);
    }
    // Gaps are normal: control records, compaction.
    offset += 1 + (random.chance(0.1) ? random.int(4) : 0);
  }
  return { topic, partition, lane: `${topic}-${partition}`, lines, events, deadLetters };
}

/** A value that is no JSON, or an event that only its collection's table finds to be broken. */
function brokenPayload(random: SeededRandom, topic: string): string {
  if (random.chance(0.4)) return '{"broken": ';
  const collection = topic.endsWith("mixed") ? "mixed" : "orders";
  return JSON.stringify({
    before: null,
    after: '{"_id": 1, "n": ',
    source: { ts_ms: 1_700_000_000_000, db: "shop", collection },
    op: "c",
    ts_ms: 1_700_000_000_001,
  });
}

function makeEvent(
  random: SeededRandom,
  head: { readonly topic: string; readonly partition: number; readonly offset: number },
  index: number,
): SimEvent {
  const mixed = head.topic.endsWith("mixed");
  const collection = mixed && random.chance(0.5) ? "returns" : mixed ? "mixed" : "orders";
  const id = head.partition * 1000 + random.int(10);
  if (random.chance(0.15)) return { ...head, collection, op: "d", id };
  return {
    ...head,
    collection,
    op: random.chance(0.5) ? "c" : "u",
    id,
    document: makeDocument(random, id, index),
  };
}

/** Documents grow and change their types as the stream goes on. */
function makeDocument(random: SeededRandom, id: number, index: number): Record<string, unknown> {
  const document: Record<string, unknown> = { _id: id, n: random.int(1000) };
  if (index > 5 && random.chance(0.5)) document["late"] = `text ${random.int(100)}`;
  if (random.chance(0.3)) {
    document["amount"] = index > 20 && random.chance(0.4) ? random.int(100) + 0.5 : random.int(100);
  }
  if (random.chance(0.2)) document["mixed"] = random.chance(0.7) ? "word" : random.int(10);
  if (random.chance(0.3)) document["nested"] = { a: random.int(9), [`f${random.int(3)}`]: true };
  return document;
}

function keyOf(id: number): string {
  return JSON.stringify({ id: String(id) });
}

function envelope(event: SimEvent): Record<string, unknown> {
  return {
    before: null,
    after: event.document === undefined ? null : JSON.stringify(event.document),
    updateDescription: null,
    source: { ts_ms: 1_700_000_000_000 + event.offset, db: "shop", collection: event.collection },
    op: event.op,
    ts_ms: 1_700_000_000_001,
  };
}
