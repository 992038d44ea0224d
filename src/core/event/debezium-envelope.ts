import { clearRecordFields, type RecordFields, type Span } from "./change-event.ts";
import {
  envelopeBits,
  envelopeKeyAt,
  flattenedBits,
  seenAfter,
  seenBefore,
  seenKey,
  seenOffset,
  seenOp,
  seenOther,
  seenPartition,
  seenPatch,
  seenPayload,
  seenSource,
  seenTopic,
  seenTransaction,
  seenTsMs,
  seenType,
  seenUnderscoreId,
  seenUpdateDescription,
  seenValue,
} from "./envelope-keys.ts";
import {
  brokenJson,
  bytesAt,
  quotedKey,
  skipColon,
  skipSpace,
  skipString,
  skipValue,
} from "./json-scan.ts";
import { unescapeString } from "./json-string.ts";

/** `{"value":{"schema":…,"payload":{…}}}` has the envelope at level 2. */
const levelMax = 3;

const ourTsMs = quotedKey("ts_ms");
const ourDb = quotedKey("db");
const ourCollection = quotedKey("collection");

/**
 * Reads a JSON object into `fields`: an envelope, or what envelopes are wrapped in (a line of kcat,
 * a key+value pair, Connect's schema and payload), told apart by their keys in one pass. `level` is
 * 0 for the outermost object; the shape of the innermost one becomes `valueShape`.
 *
 * Returns the position behind the object. Errors: `decode` for broken JSON.
 */
export function readEnvelope(
  u: Uint8Array,
  start: number,
  level: number,
  fields: RecordFields,
): number {
  let seen = 0;
  let inner = false;
  let p = skipSpace(u, start + 1);
  if (u[p] === 125) p++;
  else {
    for (;;) {
      if (u[p] !== 34) throw brokenJson("no key where one is due", p);
      let bit = envelopeKeyAt(u, p);
      p = skipColon(u, skipString(u, p));
      // A source is a block; CloudEvents and others have a string of that name.
      if (bit === seenSource && u[p] !== 123) bit = seenOther;
      seen |= bit;
      if ((bit & wrapperBits) !== 0) {
        if (u[p] === 123 && level < levelMax) {
          const from = p;
          p = readEnvelope(u, p, level + 1, fields);
          setSpan(fields.value, u, from, p);
          inner = true;
        } else p = readWrapped(u, p, level, fields);
      } else if ((bit & lineBits) === 0) p = readMember(u, p, bit, fields);
      else if (level > 0 || (seen & flattenedBits) !== 0) p = skipValue(u, p);
      else p = readLineMember(u, p, bit, fields);
      p = skipSpace(u, p);
      const c = u[p]!;
      if (c === 44) p = skipSpace(u, p + 1);
      else if (c === 125) {
        p++;
        break;
      } else throw brokenJson("neither a comma nor the object's end", p);
    }
  }
  if ((seen & flattenedBits) !== 0 && (seen & eventBits) !== envelopeBits) {
    return endFlattened(u, start, p, level, seen, fields);
  }
  if (!inner) fields.valueShape = seen;
  fields.lineShape = seen;
  return p;
}

const eventBits = envelopeBits | seenUnderscoreId;

/** The object is a user's document: whatever its fields are called, none says what a record is. */
function endFlattened(
  u: Uint8Array,
  start: number,
  end: number,
  level: number,
  seen: number,
  fields: RecordFields,
): number {
  const { lineShape, topic, key, partition, offsetHigh, offsetLow } = fields;
  const [topicBuffer, keyBuffer] = [topic.buffer, key.buffer];
  clearRecordFields(fields);
  if (level > 0) {
    // What the line around it had said so far.
    fields.lineShape = lineShape;
    topic.buffer = topicBuffer;
    key.buffer = keyBuffer;
    fields.partition = partition;
    fields.offsetHigh = offsetHigh;
    fields.offsetLow = offsetLow;
  }
  setSpan(fields.flat, u, start, end);
  fields.valueShape = seen & flattenedBits;
  return end;
}

const wrapperBits = seenPayload | seenValue;
const lineBits = seenKey | seenTopic | seenPartition | seenOffset;

/** A `payload` or `value` that is no object: text of a record, null, or a scalar. */
function readWrapped(u: Uint8Array, p: number, level: number, fields: RecordFields): number {
  if (u[p] === 34 && level === 0) {
    const text = fields.valueText;
    text.length = 0;
    const end = unescapeString(u, p, text);
    text.seal();
    setSpan(fields.value, text.bytes, 0, text.length);
    return end;
  }
  const end = skipValue(u, p);
  if (u[p] === 110) fields.valueIsNull = true;
  else {
    fields.valueIsScalar = true;
    setSpan(fields.value, u, p, end);
  }
  return end;
}

function readMember(u: Uint8Array, p: number, bit: number, fields: RecordFields): number {
  switch (bit) {
    case seenAfter:
      return readAfter(u, p, fields);
    case seenSource:
      return readSource(u, p, fields);
    case seenOp:
      fields.op = u[p] === 34 && u[p + 2] === 34 ? u[p + 1]! : 63;
      return skipValue(u, p);
    case seenTsMs: {
      // The source's time wins wherever it stands; the envelope's is for sources without one.
      const end = skipValue(u, p);
      if (Number.isNaN(fields.timestampMs)) fields.timestampMs = readMs(u, p, end);
      return end;
    }
    case seenBefore:
      return span(fields.before, u, p);
    case seenUpdateDescription:
      return span(fields.updateDescription, u, p);
    case seenPatch:
      return span(fields.patch, u, p);
    case seenTransaction:
      return span(fields.transaction, u, p);
    case seenType:
      return span(fields.type, u, p);
    default:
      return skipValue(u, p);
  }
}

/** A member that only lines have: the record's key and position. */
function readLineMember(u: Uint8Array, p: number, bit: number, fields: RecordFields): number {
  if (bit === seenKey) return span(fields.key, u, p);
  if (bit === seenTopic) return span(fields.topic, u, p);
  if (bit === seenOffset) return readOffset(u, p, fields);
  const end = skipValue(u, p);
  fields.partition = readMs(u, p, end);
  return end;
}

/** Remembers where a value stands, unless it is null. */
function span(into: Span, u: Uint8Array, p: number): number {
  const end = skipValue(u, p);
  if (u[p] === 110) into.buffer = null;
  else setSpan(into, u, p, end);
  return end;
}

/** Makes a span `u[start .. end)`. */
export function setSpan(into: Span, u: Uint8Array, start: number, end: number): void {
  into.buffer = u;
  into.start = start;
  into.end = end;
}

/** `after` is unescaped at once: its end has to be looked for anyway. */
function readAfter(u: Uint8Array, p: number, fields: RecordFields): number {
  if (u[p] !== 34) return span(fields.after, u, p);
  const text = fields.afterText;
  text.length = 0;
  const end = unescapeString(u, p, text);
  text.seal();
  setSpan(fields.after, text.bytes, 0, text.length);
  return end;
}

function readSource(u: Uint8Array, start: number, fields: RecordFields): number {
  let p = skipSpace(u, start + 1);
  if (u[p] === 125) return p + 1;
  for (;;) {
    if (u[p] !== 34) throw brokenJson("no key where one is due", p);
    const key = p;
    p = skipColon(u, skipString(u, p));
    const value = p;
    p = skipValue(u, p);
    const first = u[key + 1];
    if (first === 116 && bytesAt(u, key, ourTsMs)) {
      const ms = readMs(u, value, p);
      if (!Number.isNaN(ms)) fields.timestampMs = ms;
    } else if (u[value] === 34) {
      if (first === 100 && bytesAt(u, key, ourDb)) setSpan(fields.db, u, value + 1, p - 1);
      else if (first === 99 && bytesAt(u, key, ourCollection)) {
        setSpan(fields.collection, u, value + 1, p - 1);
      }
    }
    p = skipSpace(u, p);
    const c = u[p]!;
    if (c === 44) p = skipSpace(u, p + 1);
    else if (c === 125) return p + 1;
    else throw brokenJson("neither a comma nor the object's end", p);
  }
}

/** An integer of at most 15 digits, quoted or not; NaN for anything else. */
export function readMs(u: Uint8Array, start: number, end: number): number {
  if (u[start] === 34) {
    start++;
    end--;
  }
  const negative = u[start] === 45;
  if (negative) start++;
  if (end <= start || end - start > 15) return Number.NaN;
  let value = 0;
  for (let i = start; i < end; i++) {
    const c = u[i]!;
    if (c < 48 || c > 57) return Number.NaN;
    value = value * 10 + c - 48;
  }
  return negative ? -value : value;
}

const twoTo32 = 4294967296;

/** Offsets have 63 bits: two halves, so that none passes through a lossy number. */
function readOffset(u: Uint8Array, p: number, fields: RecordFields): number {
  const end = skipValue(u, p);
  const value = readMs(u, p, end);
  if (!Number.isNaN(value)) {
    if (value < 0) throw brokenJson("a negative offset", p);
    fields.offsetHigh = Math.floor(value / twoTo32);
    fields.offsetLow = value % twoTo32;
    return end;
  }
  const text = String.fromCharCode(...u.subarray(p, Math.min(end, p + 21)));
  if (!/^\d{16,19}$/.test(text)) throw brokenJson("an offset that is no number", p);
  const exact = BigInt(text);
  fields.offsetHigh = Number(exact >> 32n);
  fields.offsetLow = Number(exact & 0xffffffffn);
  return end;
}
