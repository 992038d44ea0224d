import { Buffer } from "node:buffer";
import type { KafkaClient, NewRecord } from "../../../src/core/kafka/kafka-client.ts";
import type { Clock } from "../../../src/delta/clock.ts";
import { createFakeCluster, type FakeCluster } from "../../support/fake-broker.ts";

/** A signal as a connector reads it. */
export type HeardSignal = {
  readonly key: string;
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
};

/** A cluster in memory with something that answers signals, in a time that passes by sleeping. */
export type ConnectorDouble = {
  readonly cluster: FakeCluster;
  readonly client: KafkaClient;
  readonly clock: Clock;
  readonly heard: HeardSignal[];
  /** Calls of `createTopic`. */
  readonly made: { readonly topic: string; readonly partitions: number }[];
  /** Does something once so much time has passed. */
  after(ms: number, action: () => void): void;
  notify(
    type: string,
    data?: Readonly<Record<string, string>>,
    more?: { readonly id?: string; readonly aggregate?: string },
  ): void;
};

export type DoubleOptions = {
  /** What the connector does about a signal. */
  readonly answer?: (signal: HeardSignal, connector: ConnectorDouble) => void;
  /** An error instead of writing the n-th record, counted from 0; null: it is written. */
  readonly refuse?: (n: number, record: NewRecord) => string | null;
};

export const notificationTopic = "cdc.notes";
export const signalTopic = "cdc.signals";

/** A connector `cdc` that hears signals at once. */
export function connectorDouble({ answer, refuse }: DoubleOptions = {}): ConnectorDouble {
  let nowMs = 1_000_000;
  const due: { readonly atMs: number; readonly action: () => void }[] = [];
  const clock: Clock = {
    nowMs: () => nowMs,
    async sleep(ms, signal) {
      signal.throwIfAborted();
      nowMs += ms;
      const ready = due.filter(({ atMs }) => atMs <= nowMs);
      for (const one of ready) due.splice(due.indexOf(one), 1);
      for (const { action } of ready) action();
      // As a timer, it lets all others go on first.
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
    },
  };
  const cluster = createFakeCluster({ clock });
  const base = cluster.client("test");
  const heard: HeardSignal[] = [];
  const made: ConnectorDouble["made"] = [];
  let produced = 0;
  const double: ConnectorDouble = {
    cluster,
    clock,
    heard,
    made,
    client: {
      ...base,
      produce(record) {
        const error = refuse?.(produced++, record) ??
          (cluster.topics.has(record.topic) ? null : "UNKNOWN_TOPIC_OR_PARTITION");
        if (error !== null) return Promise.resolve({ offset: -1n, error });
        const { topic, partition, key, value } = record;
        const offset = cluster.produce(topic, partition, [{ key, value }]);
        const text = Buffer.from(value ?? new Uint8Array()).toString();
        const signal: HeardSignal = {
          key: Buffer.from(key ?? new Uint8Array()).toString(),
          ...JSON.parse(text) as Omit<HeardSignal, "key">,
        };
        heard.push(signal);
        answer?.(signal, double);
        return Promise.resolve({ offset, error: null });
      },
      createTopic({ topic, partitions }) {
        made.push({ topic, partitions });
        cluster.createTopic(topic, partitions);
        return Promise.resolve({ error: null });
      },
    },
    after: (ms, action) => void due.push({ atMs: nowMs + ms, action }),
    notify(type, data = {}, { id = "random", aggregate = "Incremental Snapshot" } = {}) {
      const value = {
        id,
        type,
        aggregate_type: aggregate,
        additional_data: { connector_name: "cdc", ...data },
        timestamp: nowMs,
      };
      if (!cluster.topics.has(notificationTopic)) cluster.createTopic(notificationTopic, 1);
      cluster.produce(notificationTopic, 0, [{ value: JSON.stringify(value) }]);
    },
  };
  return double;
}
