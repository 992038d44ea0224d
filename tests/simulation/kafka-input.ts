import type { FakeCluster } from "../support/fake-broker.ts";
import type { TestRecord } from "../support/kafka-batches.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { SimEvent, SimInput, SimPartition } from "./sim-topic.ts";

/** The records of a seed on their way into the simulated topics. */
export type KafkaInput = {
  /** Writes some records, ends transactions, makes topics and partitions. */
  step(): void;
  /** Writes all that is left, and ends every transaction. */
  finish(): void;
};

type Waiting = {
  readonly partition: SimPartition;
  readonly events: (SimEvent | null)[];
  next: number;
};

const producers = [1n, 2n, 3n];
const aborting = 4n;

/**
 * Takes the records of the input as what producers have to write. Offsets are the log's: the events
 * of the input get theirs when they are written. Aborted transactions write the same records before.
 */
export function createKafkaInput(
  random: SeededRandom,
  cluster: FakeCluster,
  input: SimInput,
): KafkaInput {
  const waiting = input.partitions.map((partition): Waiting => {
    const events = [...partition.events];
    // The oracle only sees what was written.
    (partition.events as (SimEvent | null)[]).fill(null);
    return { partition, events, next: 0 };
  });
  const makeRoom = (topic: string, count: number): void => {
    if (!cluster.topics.has(topic)) cluster.createTopic(topic, count);
    else if (cluster.topics.get(topic)!.logs.length < count) cluster.addPartitions(topic, count);
  };

  const write = (one: Waiting, count: number): void => {
    const { topic, partition, lines, events } = one.partition;
    makeRoom(topic, partition + 1);
    const until = Math.min(lines.length, one.next + count);
    const records = lines.slice(one.next, until).map(recordOf);
    if (random.chance(0.15)) {
      cluster.produce(topic, partition, records, { producerId: aborting });
      cluster.endTransaction(aborting, "abort");
    }
    const transaction = random.chance(0.3) ? { producerId: random.pick(producers) } : {};
    const gap = random.chance(0.1) ? { gap: random.int(3) } : {};
    const base = cluster.produce(topic, partition, records, { ...transaction, ...gap });
    for (let index = one.next; index < until; index++) {
      const event = one.events[index] ?? null;
      const offset = Number(base) + index - one.next;
      (events as (SimEvent | null)[])[index] = event === null ? null : { ...event, offset };
    }
    one.next = until;
    if (random.chance(0.7)) commitAll();
  };
  const commitAll = (): void => {
    for (const producerId of producers) cluster.endTransaction(producerId, "commit");
  };
  const open = (): Waiting[] => waiting.filter((one) => one.next < one.partition.lines.length);

  return {
    step() {
      const rest = open();
      if (rest.length === 0) commitAll();
      else write(random.pick(rest), 1 + random.int(8));
    },
    finish() {
      for (let rest = open(); rest.length > 0; rest = open()) write(rest[0]!, 8);
      commitAll();
    },
  };
}

function recordOf(line: string): TestRecord {
  const { key, payload } = JSON.parse(line) as { key: string | null; payload: string | null };
  return { key, value: payload };
}
