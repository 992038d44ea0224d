import { ByteBuffer } from "./byte-buffer.ts";
import { clearRecordFields, type RecordFields, type Span } from "./change-event.ts";
import { readEnvelope } from "./debezium-envelope.ts";
import { isFlattenedDelete } from "./flattened-tombstone.ts";
import { brokenJson, locate, skipSpace } from "./json-scan.ts";
import { writeJsonString } from "./json-string.ts";
import type { KafkaRecord } from "./kafka-record.ts";
import { readText } from "./record-framing.ts";
import { type RecordKind, recordKind } from "./record-kind.ts";
import { requireUtf8 } from "./utf8.ts";

/**
 * Reads a Kafka record into `fields` and says what it is, as `readRecord` does for a line: the value
 * is JSON text, with or without Connect's schema; none at all is a tombstone, or a flattened delete.
 *
 * Errors: `decode` when the value is no JSON or key and value are not UTF-8; `fields` then holds key
 * and value.
 */
export function readKafkaRecord(record: KafkaRecord, fields: RecordFields): RecordKind {
  clearRecordFields(fields);
  try {
    return readValue(record, fields);
  } finally {
    setKey(fields.key, record);
    const { value } = fields;
    value.buffer = record.valueStart < 0 ? null : record.bytes;
    value.start = record.valueStart;
    value.end = record.valueEnd;
  }
}

function readValue(record: KafkaRecord, fields: RecordFields): RecordKind {
  const { bytes: u, valueStart: start, valueEnd: end } = record;
  if (start < 0) {
    fields.valueIsNull = true;
    return isFlattenedDelete(record, fields) ? "flattened" : "tombstone";
  }
  // No text begins with a zero: converters that keep schemas in a registry put it before their id.
  if (end - start >= registryBytes && u[start] === 0) return "schema-registry";
  requireUtf8(u, start, end);
  if (!isAscii(u, record.keyStart, record.keyEnd)) {
    requireUtf8(u, record.keyStart, record.keyEnd);
  }
  const first = skipSpace(u, start);
  if (first >= end || u[first] !== 123) return readText(u, Math.min(first, end), end, fields);
  try {
    const close = readEnvelope(u, first, 1, fields);
    if (close > end || skipSpace(u, close) < end) throw brokenJson("text after the object", close);
  } catch (error) {
    clearRecordFields(fields);
    throw locate(error, { name: "value", start, end });
  }
  return recordKind(fields);
}

/** The zero and the id of a schema. */
const registryBytes = 5;

function isAscii(u: Uint8Array, start: number, end: number): boolean {
  for (let p = start; p < end; p++) if (u[p]! >= 128) return false;
  return true;
}

const quotedText = new ByteBuffer(256);

/** As lines have it: a key that is a string itself stands there as the string that holds its text. */
function setKey(key: Span, { bytes, keyStart, keyEnd }: KafkaRecord): void {
  key.buffer = keyStart < 0 ? null : bytes;
  key.start = keyStart;
  key.end = keyEnd;
  if (keyStart < 0 || bytes[keyStart] !== 34 || keyStart === keyEnd) return;
  quotedText.length = 0;
  writeJsonString(quotedText, bytes, keyStart, keyEnd);
  quotedText.seal();
  key.buffer = quotedText.bytes;
  key.start = 0;
  key.end = quotedText.length;
}
