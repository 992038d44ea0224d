import { clearRecordFields, type RecordFields } from "./change-event.ts";
import { readEnvelope } from "./debezium-envelope.ts";
import { seenOffset, seenPartition, seenTopic } from "./envelope-keys.ts";
import { brokenJson, bytesAt, locate, skipSpace } from "./json-scan.ts";
import { isConnectWrapper, isWrapped, type RecordKind, recordKind } from "./record-kind.ts";

const structText = new TextEncoder().encode("Struct{");
const nullText = new TextEncoder().encode("null");
const positionBits = seenTopic | seenPartition | seenOffset;

/**
 * Reads the line `u[start .. end)` into `fields` and says what it is. Framings are recognised line
 * by line: a bare Debezium value; a key+value pair `{"key":…,"value":…}`; a line of `kcat -J`, whose
 * value is `payload`. Keys and values may be JSON strings that hold text, or objects.
 *
 * Errors: `decode` when the line is no JSON; `fields` then holds what was read so far.
 */
export function readRecord(
  u: Uint8Array,
  start: number,
  end: number,
  fields: RecordFields,
): RecordKind {
  clearRecordFields(fields);
  const first = skipSpace(u, start);
  if (u[first] !== 123) return readText(u, first, end, fields);
  readLine(u, first, start, end, fields);
  if (!isWrapped(fields.lineShape) || isConnectWrapper(fields.lineShape)) {
    setValue(fields, u, start, end);
    if (!isWrapped(fields.lineShape)) return recordKind(fields);
  }
  if (fields.value.buffer === fields.valueText.bytes) return readValueText(fields);
  return recordKind(fields);
}

/** Reads a line's object. A line that was cut may read on into the next one: all is forgotten then. */
function readLine(
  u: Uint8Array,
  first: number,
  start: number,
  end: number,
  fields: RecordFields,
): void {
  try {
    const close = readEnvelope(u, first, 0, fields);
    if (close > end || skipSpace(u, close) < end) throw brokenJson("text after the object", close);
  } catch (error) {
    clearRecordFields(fields);
    throw locate(error, { name: "line", start, end });
  }
}

/** True when the line carries topic, partition and offset of its own, as kcat's lines do. */
export function hasOwnPosition(fields: RecordFields): boolean {
  return (fields.lineShape & positionBits) === positionBits && fields.topic.buffer !== null &&
    !Number.isNaN(fields.partition);
}

/** The value was a JSON string: what it holds is read as a record of its own. */
function readValueText(fields: RecordFields): RecordKind {
  const text = fields.valueText;
  const lineShape = fields.lineShape;
  const first = skipSpace(text.bytes, 0);
  if (text.bytes[first] !== 123) return readText(text.bytes, first, text.length, fields);
  const { start, end } = fields.value;
  try {
    const close = readEnvelope(text.bytes, first, 1, fields);
    if (skipSpace(text.bytes, close) !== text.length) {
      throw brokenJson("text after the object", close);
    }
  } catch (error) {
    throw locate(error, { name: "value", start, end });
  } finally {
    setValue(fields, text.bytes, start, end);
    fields.lineShape = lineShape;
  }
  return recordKind(fields);
}

/** What a value that is no object says. Errors: `decode` when it is no JSON. */
export function readText(
  u: Uint8Array,
  start: number,
  end: number,
  fields: RecordFields,
): RecordKind {
  setValue(fields, u, start, end);
  if (start >= end || bytesAt(u, start, nullText) && skipSpace(u, start + 4) >= end) {
    fields.valueIsNull = true;
    return "tombstone";
  }
  if (bytesAt(u, start, structText)) return "string-converter";
  const c = u[start]!;
  if (c === 34 || c === 91 || c === 116 || c === 102 || c === 45 || (c >= 48 && c <= 57)) {
    return "scalar";
  }
  throw locate(brokenJson("no JSON value", start), { name: "value", start, end });
}

function setValue(fields: RecordFields, u: Uint8Array, start: number, end: number): void {
  fields.value.buffer = u;
  fields.value.start = start;
  fields.value.end = end;
}
