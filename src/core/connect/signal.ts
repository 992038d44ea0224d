import { Buffer } from "node:buffer";

/** Debezium's two ways of reading collections again. */
export type SnapshotType = "incremental" | "blocking";

/** A query document that limits the snapshot of one collection. */
export type SnapshotCondition = {
  /** `db.collection`. */
  readonly collection: string;
  /** The query as JSON text, kept as it was written. */
  readonly filter: string;
};

/** What a connector can be told on its signal topic. */
export type Signal =
  | {
    readonly kind: "execute";
    readonly type: SnapshotType;
    readonly collections: readonly string[];
    readonly conditions: readonly SnapshotCondition[];
  }
  /** Stops the incremental snapshot of some collections; of all when there are none. */
  | { readonly kind: "stop"; readonly collections: readonly string[] }
  | { readonly kind: "pause" }
  | { readonly kind: "resume" };

/** Key and value of the record that carries a signal. Only partition 0 of its topic is read. */
export type SignalRecord = { readonly key: Uint8Array; readonly value: Uint8Array };

/**
 * The record of a signal. Its key must be the connector's `topic.prefix`, or it is ignored; `id` is
 * what notifications of an incremental snapshot carry.
 */
export function signalRecord(
  signal: Signal,
  { id, topicPrefix }: { readonly id: string; readonly topicPrefix: string },
): SignalRecord {
  const value = JSON.stringify({ id, ...signalBody(signal) });
  return { key: bytesOf(topicPrefix), value: bytesOf(value) };
}

function signalBody(signal: Signal): { readonly type: string; readonly data: object } {
  switch (signal.kind) {
    case "execute":
      return { type: "execute-snapshot", data: executeData(signal) };
    case "stop": {
      const { collections } = signal;
      const some = collections.length === 0
        ? {}
        : { "data-collections": collections.map(literalPattern) };
      return { type: "stop-snapshot", data: { type: "incremental", ...some } };
    }
    // Debezium's Kafka channel ends for good at a signal without data, even where none is needed.
    case "pause":
      return { type: "pause-snapshot", data: {} };
    case "resume":
      return { type: "resume-snapshot", data: {} };
  }
}

function executeData(
  { type, collections, conditions }: Extract<Signal, { kind: "execute" }>,
): object {
  const pattern = type === "blocking" ? literalPattern : incrementalName;
  const data = { type, "data-collections": collections.map(pattern) };
  if (conditions.length === 0) return data;
  return {
    ...data,
    "additional-conditions": conditions.map(({ collection, filter }) => ({
      // An incremental snapshot matches the name as a pattern, a blocking one looks it up as it is.
      "data-collection": type === "blocking" ? collection : literalPattern(collection),
      filter,
    })),
  };
}

/**
 * The name for an incremental snapshot. Debezium takes it for a pattern over the collections that
 * its task has seen, and for a plain name when none matches: a plain name works in both cases.
 */
function incrementalName(collection: string): string {
  return /[\\^$|?*+()[\]{}]/.test(collection) ? literalPattern(collection) : collection;
}

/** A pattern (Java's and ours) that matches one name only. */
function literalPattern(name: string): string {
  return name.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&");
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}
