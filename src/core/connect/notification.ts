import { Buffer } from "node:buffer";

/** How the scan of one collection ended, in Debezium's words. */
export type ScanStatus =
  | "SUCCEEDED"
  | "EMPTY"
  | "NO_PRIMARY_KEY"
  | "SKIPPED"
  | "SQL_EXCEPTION"
  | "UNKNOWN_SCHEMA"
  | "STOPPED";

/** What a notification says of a snapshot. */
export type SnapshotNews =
  | { readonly kind: "started" }
  | { readonly kind: "paused" }
  | { readonly kind: "resumed" }
  | {
    readonly kind: "progress";
    readonly collection: string;
    /** Keys of the last document read and of the last one to read, in Java's words. */
    readonly lastKey: string | null;
    readonly maximumKey: string | null;
  }
  | {
    readonly kind: "scanned";
    readonly collection: string;
    /** A status that we do not know is kept as Debezium wrote it. */
    readonly status: ScanStatus | (string & {});
    /** Initial and blocking snapshots do not tell it. */
    readonly rows: bigint | null;
  }
  | { readonly kind: "completed" }
  | { readonly kind: "aborted" }
  | { readonly kind: "skipped" };

/** A notification of a snapshot. */
export type SnapshotNotification = {
  /** Of an incremental snapshot the signal's id, of others random. */
  readonly id: string;
  /** Initial snapshots and blocking ones are told alike. */
  readonly aggregate: "incremental" | "initial";
  /** The connector's `topic.prefix`; null where it is not told. */
  readonly connector: string | null;
  /** Collections that are still to be read, the current one included. */
  readonly collections: readonly string[];
  readonly news: SnapshotNews;
  readonly timestampMs: number;
};

/** A record of the notification topic. */
export type NotificationReading =
  | { readonly kind: "snapshot"; readonly notification: SnapshotNotification }
  /** A notification about something else, or of a type that we do not know. */
  | { readonly kind: "other" }
  /** Not JSON at all, such as Avro. */
  | { readonly kind: "unreadable" };

/** Reads a record's value, with the schema of a JsonConverter or without. */
export function readNotification(value: Uint8Array | null): NotificationReading {
  if (value === null) return { kind: "other" };
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.length).toString("utf8"));
  } catch {
    return { kind: "unreadable" };
  }
  const outer = asObject(parsed);
  if (outer === null) return { kind: "unreadable" };
  const payload = "schema" in outer && "payload" in outer ? asObject(outer["payload"]) : outer;
  return payload === null ? { kind: "other" } : fromPayload(payload);
}

function fromPayload(payload: Readonly<Record<string, unknown>>): NotificationReading {
  const aggregate = aggregateOf(payload["aggregate_type"]);
  const data = asObject(payload["additional_data"]) ?? {};
  const news = newsOf(payload["type"], data);
  const { id, timestamp } = payload;
  if (aggregate === null || news === null || typeof id !== "string") return { kind: "other" };
  return {
    kind: "snapshot",
    notification: {
      id,
      aggregate,
      connector: textOf(data["connector_name"]),
      collections: (textOf(data["data_collections"]) ?? "").split(",").filter((name) =>
        name !== ""
      ),
      news,
      timestampMs: typeof timestamp === "number" ? timestamp : 0,
    },
  };
}

function aggregateOf(value: unknown): "incremental" | "initial" | null {
  if (value === "Incremental Snapshot") return "incremental";
  return value === "Initial Snapshot" ? "initial" : null;
}

function newsOf(type: unknown, data: Readonly<Record<string, unknown>>): SnapshotNews | null {
  switch (type) {
    case "STARTED":
      return { kind: "started" };
    case "PAUSED":
      return { kind: "paused" };
    case "RESUMED":
      return { kind: "resumed" };
    case "COMPLETED":
      return { kind: "completed" };
    case "ABORTED":
      return { kind: "aborted" };
    case "SKIPPED":
      return { kind: "skipped" };
    case "IN_PROGRESS": {
      const collection = textOf(data["current_collection_in_progress"]);
      if (collection === null) return null;
      const lastKey = keyOf(data["last_processed_key"]);
      return { kind: "progress", collection, lastKey, maximumKey: keyOf(data["maximum_key"]) };
    }
    case "TABLE_SCAN_COMPLETED": {
      const collection = textOf(data["scanned_collection"]);
      const status = textOf(data["status"]);
      if (collection === null || status === null) return null;
      const rows = textOf(data["total_rows_scanned"]) ?? "";
      return {
        kind: "scanned",
        collection,
        status,
        rows: /^\d+$/.test(rows) ? BigInt(rows) : null,
      };
    }
    default:
      return null;
  }
}

/** A key in Java's words; Debezium writes `<null>` for none, with quotes or without. */
function keyOf(value: unknown): string | null {
  const text = textOf(value);
  return text === null || text === "<null>" || text === '"<null>"' ? null : text;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function asObject(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Readonly<Record<string, unknown>>
    : null;
}
