import type { RecordFields } from "./change-event.ts";
import {
  envelopeBits,
  flattenedBits,
  seenAggregateType,
  seenData,
  seenId,
  seenKey,
  seenOp,
  seenPayload,
  seenSchema,
  seenSource,
  seenSpecVersion,
  seenStatus,
  seenTsMs,
  seenType,
  seenUnderscoreId,
  seenValue,
} from "./envelope-keys.ts";

/**
 * What a record is, by its shape and never by its topic's name.
 *
 * - `event`: a Debezium change event
 * - `flattened`: a document of the transform ExtractNewDocumentState
 * - `tombstone`: a null value, written after a delete for log compaction
 * - `heartbeat`, `transaction`, `notification`, `signal`: Debezium's side topics
 * - the rest is no event that can be used; `unusableReason` says why
 */
export type RecordKind =
  | "event"
  | "flattened"
  | "tombstone"
  | "heartbeat"
  | "transaction"
  | "notification"
  | "signal"
  | UnusableKind;

export type UnusableKind =
  | "no-op"
  | "no-source"
  | "cloud-event"
  | "string-converter"
  | "schema-registry"
  | "scalar"
  | "unknown";

const unusableReasons: Readonly<Record<UnusableKind, string>> = {
  "no-op": "the event has a source but no `op`",
  "no-source": "the event has an `op` but no `source` block with `db` and `collection`",
  "cloud-event":
    "the value is a CloudEvents message (CloudEventsConverter), which is not supported: use " +
    "org.apache.kafka.connect.json.JsonConverter as the connector's value.converter",
  "string-converter":
    "the value is text of the form `Struct{…}` (StringConverter), which cannot be read back: use " +
    "org.apache.kafka.connect.json.JsonConverter as the connector's value.converter",
  "schema-registry":
    "the value is Avro, Protobuf or JSON with its schema in a registry (AvroConverter, " +
    "ProtobufConverter, JsonSchemaConverter), which is not supported: use " +
    "org.apache.kafka.connect.json.JsonConverter as the connector's value.converter",
  "scalar": "the value is no JSON object; a change event is one",
  "unknown":
    "the value is a JSON object, but neither a change event nor any other record of Debezium's",
};

/** The text for a dead letter. */
export function unusableReason(kind: UnusableKind): string {
  return unusableReasons[kind];
}

const signalTypes: ReadonlySet<string> = new Set([
  "execute-snapshot",
  "stop-snapshot",
  "pause-snapshot",
  "resume-snapshot",
  "snapshot-window-open",
  "snapshot-window-close",
  "schema-changes",
  "log",
]);

/** True for the type of a signal that Debezium knows. */
export function isSignalType(type: string): boolean {
  return signalTypes.has(type);
}

const eventBits = envelopeBits | seenUnderscoreId;
const heartbeatBits = seenTsMs;
const signalBits = seenId | seenType | seenData;

/** Decides by the keys that were seen; cheap for events, which are nearly all. */
export function recordKind(fields: RecordFields): RecordKind {
  const shape = fields.valueShape;
  if ((shape & eventBits) === envelopeBits) {
    return fields.db.buffer === null || fields.collection.buffer === null ? "no-source" : "event";
  }
  if (fields.valueIsNull) return "tombstone";
  if (fields.valueIsScalar) return "scalar";
  if ((shape & flattenedBits) !== 0) return "flattened";
  if ((shape & seenSpecVersion) !== 0) return "cloud-event";
  if ((shape & seenAggregateType) !== 0) return "notification";
  if ((shape & seenStatus) !== 0 && (shape & seenId) !== 0) return "transaction";
  if (shape === heartbeatBits) return "heartbeat";
  if ((shape & seenType) !== 0 && (shape & ~signalBits) === 0 && isSignal(fields)) return "signal";
  if ((shape & seenSource) !== 0) return "no-op";
  if ((shape & seenOp) !== 0) return "no-source";
  return "unknown";
}

function isSignal(fields: RecordFields): boolean {
  const { buffer, start, end } = fields.type;
  if (buffer === null || end - start > 40) return false;
  return isSignalType(String.fromCharCode(...buffer.subarray(start + 1, end - 1)));
}

/** True when a line's object holds a record in `value` or `payload` instead of being its value. */
export function isWrapped(lineShape: number): boolean {
  if ((lineShape & seenOp) !== 0) return false;
  return (lineShape & (seenValue | seenPayload)) !== 0;
}

/** True when the line's own keys are Connect's `schema` and `payload`, not a record's key and value. */
export function isConnectWrapper(lineShape: number): boolean {
  return (lineShape & seenSchema) !== 0 && (lineShape & (seenKey | seenValue)) === 0;
}
