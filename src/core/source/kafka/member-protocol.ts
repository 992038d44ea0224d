import { Buffer } from "node:buffer";
import type { TopicPartition } from "../../kafka/kafka-client.ts";

/**
 * What members tell the leader, and the leader tells them: Kafka's ConsumerProtocolSubscription
 * (version 2, KIP-792) and ConsumerProtocolAssignment (version 1), so that brokers and the usual
 * tools can read them; what is ours stands in their `userData`.
 */

/** The name of our assignment strategy; all members of a group must share it. */
export const protocolName = "cdcdelta-sticky-1";

export type Subscription = {
  /** Topics that the member reads, as far as it knows: brokers keep their offsets alive. */
  readonly topics: readonly string[];
  /** Source text of the pattern that topics match; null: not told, `topics` is all. */
  readonly pattern: string | null;
  /** The pattern's flags: with `u` some expressions mean another thing than without. */
  readonly flags: string;
  readonly owned: readonly TopicPartition[];
  /** The generation in which `owned` was assigned; -1: none. */
  readonly ownedGeneration: number;
};

export type Assignment = {
  readonly partitions: readonly TopicPartition[];
  /** Those of them that appeared while the group was at work: they start at their beginning. */
  readonly appearedLater: readonly TopicPartition[];
};

/** Bytes for `JoinRequest.metadata`. */
export function encodeSubscription(subscription: Subscription): Uint8Array {
  const writer = createWriter();
  writer.int16(2);
  writer.int32(subscription.topics.length);
  for (const topic of subscription.topics) writer.string(topic);
  const { pattern, flags } = subscription;
  writer.bytes(Buffer.from(JSON.stringify({ v: 1, pattern, flags })));
  writer.partitions(subscription.owned);
  writer.int32(subscription.ownedGeneration);
  return writer.done();
}

/** Null when the bytes are no subscription. */
export function parseSubscription(bytes: Uint8Array): Subscription | null {
  return parse(bytes, (reader) => {
    const version = reader.int16();
    const topics = reader.list(() => reader.string());
    const userData = reader.bytes();
    const owned = version >= 1 ? reader.partitions() : [];
    const ownedGeneration = version >= 2 ? reader.int32() : -1;
    const pattern = textField(userData, "pattern");
    const flags = textField(userData, "flags") ?? "";
    return { topics, pattern, flags, owned, ownedGeneration };
  });
}

/** Bytes for `SyncRequest.assignments`. */
export function encodeAssignment(assignment: Assignment): Uint8Array {
  const writer = createWriter();
  writer.int16(1);
  writer.partitions(assignment.partitions);
  const inner = createWriter();
  inner.int16(1);
  inner.partitions(assignment.appearedLater);
  writer.bytes(inner.done());
  return writer.done();
}

/** Null when the bytes are no assignment. Empty bytes are an empty one. */
export function parseAssignment(bytes: Uint8Array): Assignment | null {
  if (bytes.length === 0) return { partitions: [], appearedLater: [] };
  return parse(bytes, (reader) => {
    reader.int16();
    const partitions = reader.partitions();
    const userData = reader.bytes();
    const later = userData === null ? null : parse(userData, (inner) => {
      inner.int16();
      return inner.partitions();
    });
    return { partitions, appearedLater: later ?? [] };
  });
}

function textField(bytes: Uint8Array | null, name: string): string | null {
  if (bytes === null) return null;
  try {
    const value =
      (JSON.parse(Buffer.from(bytes).toString("utf8")) as Record<string, unknown>)[name];
    return typeof value === "string" ? value : null;
  } catch {
    return null;
  }
}

function parse<T>(bytes: Uint8Array, read: (reader: Reader) => T): T | null {
  try {
    return read(createReader(bytes));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

type Reader = ReturnType<typeof createReader>;

function createWriter() {
  const parts: Buffer[] = [];
  const int16 = (value: number): void => {
    const part = Buffer.alloc(2);
    part.writeInt16BE(value);
    parts.push(part);
  };
  const int32 = (value: number): void => {
    const part = Buffer.alloc(4);
    part.writeInt32BE(value);
    parts.push(part);
  };
  const string = (text: string): void => {
    const part = Buffer.from(text);
    int16(part.length);
    parts.push(part);
  };
  return {
    int16,
    int32,
    string,
    bytes(value: Uint8Array): void {
      int32(value.length);
      parts.push(Buffer.from(value));
    },
    /** An array of topics, each with an array of partition numbers. */
    partitions(list: readonly TopicPartition[]): void {
      const byTopic = new Map<string, number[]>();
      for (const { topic, partition } of list) {
        byTopic.set(topic, [...(byTopic.get(topic) ?? []), partition]);
      }
      int32(byTopic.size);
      for (const [topic, numbers] of byTopic) {
        string(topic);
        int32(numbers.length);
        for (const number of numbers) int32(number);
      }
    },
    done: (): Uint8Array => new Uint8Array(Buffer.concat(parts)),
  };
}

/** Throws a RangeError when the bytes end too early or a length is impossible. */
function createReader(bytes: Uint8Array) {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const int16 = (): number => buffer.readInt16BE((at += 2) - 2);
  const int32 = (): number => buffer.readInt32BE((at += 4) - 4);
  const take = (length: number): Buffer => {
    if (length < 0 || at + length > buffer.length) throw new RangeError("bytes end too early");
    at += length;
    return buffer.subarray(at - length, at);
  };
  const string = (): string => take(int16()).toString("utf8");
  const list = <T>(item: () => T): T[] => {
    const count = int32();
    if (count < 0 || count > buffer.length) throw new RangeError("an impossible count");
    return Array.from({ length: count }, item);
  };
  return {
    int16,
    int32,
    string,
    list,
    bytes(): Uint8Array | null {
      const length = int32();
      return length < 0 ? null : take(length);
    },
    partitions: (): TopicPartition[] =>
      list(() => {
        const topic = string();
        return list(int32).map((partition) => ({ topic, partition }));
      }).flat(),
  };
}
