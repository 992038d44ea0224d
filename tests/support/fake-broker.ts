import { createHash } from "node:crypto";
import type {
  CallOptions,
  GroupClient,
  KafkaClient,
  OffsetSpec,
  TopicPartition,
} from "../../src/core/kafka/kafka-client.ts";
import type { Clock } from "../../src/delta/engine.ts";
import {
  createGroup,
  expire,
  type FakeGroup,
  heartbeat,
  join,
  judgeCommit,
  leave,
  sync,
} from "./fake-group.ts";
import {
  append,
  createLog,
  endTransaction,
  type FakeLog,
  offsetAtTime,
  readLog,
  removeBefore,
  stableEnd,
  truncateTo,
} from "./fake-log.ts";
import type { TestRecord } from "./kafka-batches.ts";

/** A Kafka cluster in memory: topics with ids, transactions, consumer groups, faults. */
export type FakeCluster = {
  readonly topics: Map<string, FakeTopic>;
  readonly groups: Map<string, FakeGroup>;
  createTopic(topic: string, partitions: number, options?: { readonly internal?: boolean }): void;
  deleteTopic(topic: string): void;
  addPartitions(topic: string, partitions: number): void;
  produce(
    topic: string,
    partition: number,
    records: readonly TestRecord[],
    options?: { readonly producerId?: bigint; readonly gap?: number },
  ): bigint;
  /** Ends a producer's transaction in all partitions it wrote to. */
  endTransaction(producerId: bigint, kind: "commit" | "abort"): void;
  deleteRecords(topic: string, partition: number, before: bigint): void;
  truncate(topic: string, partition: number, to: bigint): void;
  moveLeader(topic: string, partition: number, nodeId: number): void;
  log(topic: string, partition: number): FakeLog;
  group(groupId: string): FakeGroup;
  /** What the group holds; null: nothing. */
  committed(
    groupId: string,
    topic: string,
    partition: number,
  ): { readonly offset: bigint; readonly metadata: string } | null;
  commit(groupId: string, at: TopicPartition, offset: bigint, metadata: string): void;
  /** Throws silent members out of their groups until the signal is aborted. */
  keepTime(signal: AbortSignal): Promise<void>;
  client(name: string, network?: FakeNetwork): KafkaClient;
};

type FakeTopic = {
  readonly topicId: string;
  readonly internal: boolean;
  readonly logs: FakeLog[];
};

export type FakeCall = {
  readonly kind:
    | "metadata"
    | "listOffsets"
    | "fetch"
    | "describe"
    | "join"
    | "sync"
    | "heartbeat"
    | "leave"
    | "fetchOffsets"
    | "commitOffsets";
  readonly client: string;
  /** The broker that is asked; -1: any, or the coordinator. */
  readonly nodeId: number;
};

/** Carries a request to the cluster and its answer back; may lose, delay or refuse either. */
export type FakeNetwork = <T>(call: FakeCall, effect: () => Promise<T>) => Promise<T>;

const direct: FakeNetwork = (_call, effect) => effect();

export function createFakeCluster(options: {
  readonly clock: Clock;
  readonly brokers?: number;
}): FakeCluster {
  const { clock } = options;
  const brokers = Array.from({ length: options.brokers ?? 1 }, (_, index) => index + 1);
  const topics = new Map<string, FakeTopic>();
  const groups = new Map<string, FakeGroup>();
  const waiters = new Set<() => void>();
  let made = 0;

  const log = (topic: string, partition: number): FakeLog => {
    const found = topics.get(topic)?.logs[partition];
    if (found === undefined) throw new Error(`There is no ${topic}-${partition}`);
    return found;
  };
  const group = (groupId: string): FakeGroup => {
    const found = groups.get(groupId) ?? createGroup();
    groups.set(groupId, found);
    return found;
  };
  const changed = (): void => {
    for (const wake of waiters) wake();
    waiters.clear();
  };
  const addLogs = (logs: FakeLog[], count: number): void => {
    while (logs.length < count) logs.push(createLog(brokers[logs.length % brokers.length]!));
  };

  const cluster: FakeCluster = {
    topics,
    groups,
    createTopic(topic, partitions, { internal = false } = {}) {
      const topicId = createHash("md5").update(`${topic} ${++made}`).digest("hex");
      const logs: FakeLog[] = [];
      addLogs(logs, partitions);
      topics.set(topic, { topicId, internal, logs });
    },
    deleteTopic(topic) {
      topics.delete(topic);
      // As brokers do: offsets of a topic that is gone are gone with it.
      for (const { offsets } of groups.values()) {
        for (const name of offsets.keys()) if (name.endsWith(` ${topic}`)) offsets.delete(name);
      }
      changed();
    },
    addPartitions: (topic, partitions) => addLogs(topics.get(topic)!.logs, partitions),
    produce(topic, partition, records, to) {
      const base = append(log(topic, partition), records, to);
      changed();
      return base;
    },
    endTransaction(producerId, kind) {
      for (const { logs } of topics.values()) {
        for (const one of logs) endTransaction(one, producerId, kind);
      }
      changed();
    },
    deleteRecords(topic, partition, before) {
      removeBefore(log(topic, partition), before);
      changed();
    },
    truncate(topic, partition, to) {
      truncateTo(log(topic, partition), to);
      changed();
    },
    moveLeader(topic, partition, nodeId) {
      log(topic, partition).leader = nodeId;
      changed();
    },
    log,
    group,
    committed: (groupId, topic, partition) =>
      group(groupId).offsets.get(nameOf({ topic, partition })) ?? null,
    commit: (groupId, at, offset, metadata) =>
      void group(groupId).offsets.set(nameOf(at), { offset, metadata }),
    async keepTime(signal) {
      while (!signal.aborted) {
        await clock.sleep(250, signal);
        for (const one of groups.values()) expire(one, clock.nowMs());
      }
    },
    client: (name, network = direct) =>
      fakeClient(cluster, { name, network, clock, brokers, waiters }),
  };
  return cluster;
}

type ClientParts = {
  readonly name: string;
  readonly network: FakeNetwork;
  readonly clock: Clock;
  readonly brokers: readonly number[];
  /** Long polls that end when anything was written. */
  readonly waiters: Set<() => void>;
};

function fakeClient(cluster: FakeCluster, parts: ClientParts): KafkaClient {
  const { name, network, clock, brokers } = parts;
  const call = <T>(
    kind: FakeCall["kind"],
    nodeId: number,
    { signal }: CallOptions,
    effect: () => T | Promise<T>,
  ): Promise<T> =>
    unlessAborted(
      network({ kind, client: name, nodeId }, async () => await effect()),
      signal,
    );
  const findLog = ({ topic, partition }: TopicPartition): FakeLog | null =>
    cluster.topics.get(topic)?.logs[partition] ?? null;
  return {
    description: "fake:9092",
    metadata: (topics, options) =>
      call("metadata", -1, options, () => ({
        brokers: brokers.map((nodeId) => ({ nodeId, address: `fake:${nodeId}` })),
        topics: [...cluster.topics].filter(([topic]) => topics === null || topics.includes(topic))
          .map(([topic, { topicId, internal, logs }]) => ({
            topic,
            topicId,
            internal,
            error: null,
            partitions: logs.map(({ leader }, partition) => ({
              partition,
              leader,
              error: leader < 0 ? "LEADER_NOT_AVAILABLE" : null,
            })),
          })),
      })),
    listOffsets: (partitions, at, options) =>
      call("listOffsets", -1, options, () =>
        partitions.map(({ topic, partition }) => {
          const log = findLog({ topic, partition });
          if (log === null) {
            return { topic, partition, offset: -1n, error: "UNKNOWN_TOPIC_OR_PARTITION" };
          }
          return { topic, partition, offset: offsetAt(log, at), error: null };
        })),
    fetch: (request, options) =>
      call("fetch", request.nodeId, options, async () => {
        const read = () => {
          let left = request.bytesMax;
          return request.partitions.map(({ topic, topicId, partition, fetchOffset, bytesMax }) => {
            const log = findLog({ topic, partition });
            const same = (topicId ?? "") === "" || topicId === cluster.topics.get(topic)?.topicId;
            if (!same) return unread({ topic, partition }, "UNKNOWN_TOPIC_ID");
            if (log === null) return unread({ topic, partition }, "UNKNOWN_TOPIC_OR_PARTITION");
            if (log.leader !== request.nodeId) {
              return unread({ topic, partition }, "NOT_LEADER_OR_FOLLOWER");
            }
            const first = left === request.bytesMax;
            const answer = readLog(log, fetchOffset, Math.min(left, bytesMax), first);
            left -= answer.data.reduce((sum, { bytes }) => sum + bytes.length, 0);
            return { topic, partition, ...answer };
          });
        };
        const untilMs = clock.nowMs() + request.waitMsMax;
        for (;;) {
          const answers = read();
          const news = answers.some((one, index) =>
            one.error !== null || one.nextOffset > request.partitions[index]!.fetchOffset
          );
          if (news || clock.nowMs() >= untilMs) return answers;
          await somethingNew(parts, untilMs - clock.nowMs());
        }
      }),
    produce: () => Promise.reject(new Error("not faked")),
    createTopic: () => Promise.reject(new Error("not faked")),
    group: (groupId) => fakeGroupClient(cluster.group(groupId), parts, call),
    close: () => Promise.resolve(),
  };
}

/** `max.message.bytes` of `__consumer_offsets`, by default. */
const offsetBatchBytesMax = 1 << 20;

type Call = <T>(
  kind: FakeCall["kind"],
  nodeId: number,
  options: CallOptions,
  effect: () => T | Promise<T>,
) => Promise<T>;

function fakeGroupClient(group: FakeGroup, { name, clock }: ClientParts, call: Call): GroupClient {
  return {
    describe: (options) =>
      call("describe", -1, options, () => ({
        error: null,
        state: group.state,
        members: group.members.size,
        clients: [...group.members.keys()].map((id) => `${id} at /fake`),
      })),
    join: (request, options) =>
      call("join", -1, options, () => join(group, request, clock.nowMs(), name)),
    sync: (request, options) =>
      call("sync", -1, options, () => sync(group, request, clock.nowMs())),
    heartbeat: (member, options) =>
      call("heartbeat", -1, options, () => ({ error: heartbeat(group, member, clock.nowMs()) })),
    leave: (memberId, options) =>
      call("leave", -1, options, () => ({ error: leave(group, memberId, clock.nowMs()) })),
    fetchOffsets: (partitions, options) =>
      call("fetchOffsets", -1, options, () =>
        partitions.map(({ topic, partition }) => {
          const held = group.offsets.get(nameOf({ topic, partition }));
          const { offset, metadata } = held ?? { offset: -1n, metadata: "" };
          return { topic, partition, offset, metadata, error: null };
        })),
    commitOffsets: (member, offsets, options) =>
      call("commitOffsets", -1, options, () => {
        // They are stored as one record batch; what is too large for it is refused as a whole.
        const bytes = offsets.reduce(
          (sum, { topic, metadata }) => sum + topic.length + metadata.length + 40,
          0,
        );
        const error = judgeCommit(group, member, clock.nowMs()) ??
          (bytes > offsetBatchBytesMax ? "INVALID_COMMIT_OFFSET_SIZE" : null);
        return offsets.map(({ topic, partition, offset, metadata }) => {
          if (error === null) group.offsets.set(nameOf({ topic, partition }), { offset, metadata });
          return { topic, partition, error };
        });
      }),
  };
}

function offsetAt(log: FakeLog, at: OffsetSpec): bigint {
  switch (at.kind) {
    case "start":
      return log.logStart;
    case "stable-end":
      return stableEnd(log);
    case "time":
      return offsetAtTime(log, at.timestampMs);
  }
}

function unread(at: TopicPartition, error: string) {
  const none = { highWatermark: -1n, lastStableOffset: -1n, logStartOffset: -1n };
  return { ...at, ...none, error, data: [], nextOffset: -1n };
}

async function somethingNew({ clock, waiters }: ClientParts, ms: number): Promise<void> {
  const timer = new AbortController();
  await new Promise<void>((resolve) => {
    waiters.add(resolve);
    clock.sleep(ms, timer.signal).then(resolve, () => undefined);
  });
  timer.abort();
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${partition} ${topic}`;
}
