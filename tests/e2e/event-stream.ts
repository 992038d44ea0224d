import { setTimeout as sleep } from "node:timers/promises";
import { type Admin, Kafka, logLevel, type Producer } from "kafkajs";

/** What stands in a topic, as far as we wrote it: offsets begin at 0 and have no gaps. */
export type WrittenTopic = { readonly topic: string; readonly counts: number[] };

/** Writes Debezium-shaped events straight into topics, faster than MongoDB could. */
export type EventStream = {
  readonly admin: Admin;
  makeTopic(topic: string, partitions: number): Promise<WrittenTopic>;
  /**
   * Appends `count` events to the partitions in turn: changes of `keys` documents, each event with
   * its offset and the number of changes of its document so far. `perSecond` paces it.
   */
  append(to: WrittenTopic, options: AppendOptions): Promise<void>;
  /** Appends records as they are. */
  send(
    to: WrittenTopic,
    partition: number,
    records: readonly { readonly key: string | null; readonly value: string | null }[],
  ): Promise<void>;
  close(): Promise<void>;
};

export type AppendOptions = {
  readonly count: number;
  readonly perSecond?: number;
  readonly keys?: number;
  /** Collections that share the topic; default one, `events`. */
  readonly collections?: readonly string[];
  readonly partitions?: readonly number[];
};

const recordsOfRequest = 500;

/** Connects to a broker. */
export async function openEventStream(broker: string, db: string): Promise<EventStream> {
  const kafka = new Kafka({ brokers: [broker], clientId: "tests", logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await Promise.all([admin.connect(), producer.connect()]);
  const changes = new Map<string, number>();
  return {
    admin,
    async makeTopic(topic, partitions) {
      await admin.createTopics({
        waitForLeaders: true,
        topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }],
      });
      return { topic, counts: Array.from({ length: partitions }, () => 0) };
    },
    async append(to, { count, perSecond, keys = 1000, collections = ["events"], partitions }) {
      const chosen = partitions ?? to.counts.map((_, partition) => partition);
      const begin = performance.now();
      for (let done = 0; done < count; done += recordsOfRequest) {
        const size = Math.min(recordsOfRequest, count - done);
        const lists = new Map(chosen.map((partition) => [partition, [] as Message[]]));
        for (let i = done; i < done + size; i++) {
          // A document's changes stand in one partition.
          const id = (i * 7919) % keys;
          const partition = chosen[id % chosen.length] ?? 0;
          const collection = collections[id % collections.length] ?? "events";
          const name = `${to.topic} ${id}`;
          const change = (changes.get(name) ?? 0) + 1;
          changes.set(name, change);
          const seq = to.counts[partition] ?? 0;
          to.counts[partition] = seq + 1;
          lists.get(partition)?.push(eventOf({ db, collection, id, seq, change }));
        }
        await sendAll(producer, to.topic, lists);
        const ahead = perSecond === undefined
          ? 0
          : (done + size) / perSecond * 1000 - (performance.now() - begin);
        if (ahead > 0) await sleep(ahead);
      }
    },
    async send(to, partition, records) {
      to.counts[partition] = (to.counts[partition] ?? 0) + records.length;
      const messages = records.map(({ key, value }) => ({ key, value }));
      await sendAll(producer, to.topic, new Map([[partition, messages]]));
    },
    async close() {
      await Promise.all([admin.disconnect(), producer.disconnect()]);
    },
  };
}

type Message = { readonly key: string | null; readonly value: string | null };

async function sendAll(
  producer: Producer,
  topic: string,
  lists: ReadonlyMap<number, readonly Message[]>,
): Promise<void> {
  // One request each: where one of several partitions fails (a broker that does not know yet that it
  // was added), kafkajs sends them all again, and those that were written are there twice.
  await Promise.all(
    [...lists].filter(([, list]) => list.length > 0).map(([partition, list]) => {
      const messages = list.map((message) => ({ partition, ...message }));
      return producer.send({ topic, acks: -1, messages });
    }),
  );
}

/** An insert, later updates, and every 17th change a delete. */
export function eventOf({ db, collection, id, seq, change }: {
  readonly db: string;
  readonly collection: string;
  readonly id: number;
  readonly seq: number;
  readonly change: number;
}): { readonly key: string; readonly value: string } {
  const op = change % 17 === 0 ? "d" : change % 17 === 1 ? "c" : "u";
  const document = `{"_id": ${id},"seq": ${seq},"change": ${change},"text": "${"x".repeat(100)}"}`;
  const source = `{"connector":"mongodb","db":"${db}","collection":"${collection}","ts_ms":1}`;
  const after = op === "d" ? "null" : JSON.stringify(document);
  return {
    key: `{"id":"${id}"}`,
    value: `{"before":null,"after":${after},"source":${source},"op":"${op}","ts_ms":1}`,
  };
}
