import { ByteBuffer } from "../event/byte-buffer.ts";
import type { Span } from "../event/change-event.ts";
import { bytesAt, memberAt, quotedKey, skipSpace, skipValue } from "../event/json-scan.ts";
import { unescapeString, writeJsonString } from "../event/json-string.ts";
import { writeCanonical } from "./canonical-json.ts";

const idKey = quotedKey("id");
const underscoreIdKey = quotedKey("_id");
const payloadKey = quotedKey("payload");
const structText = new TextEncoder().encode("Struct{id=");

/** Where an identity was found: Extended JSON text, sealed; and its canonical form. */
export type RecordKey = {
  found: boolean;
  readonly text: ByteBuffer;
  readonly identity: ByteBuffer;
};

/** A key that was not found yet. */
export function createRecordKey(): RecordKey {
  return { found: false, text: new ByteBuffer(256), identity: new ByteBuffer(256) };
}

const keyText = new ByteBuffer(256);

/**
 * Reads the `_id` out of a record's key: `{"id":"<Extended JSON>"}` as Debezium writes it, with or
 * without Connect's schema, as an object, as text in a JSON string, or as `Struct{id=…}`. A key of
 * another form counts as the `_id` itself.
 *
 * `typed`: the key of a flattened document, `{"id":1004}` or `{"id":"text"}`, whose `id` is the value
 * itself and not the text of one.
 */
export function readRecordKey(span: Span, key: RecordKey, typed: boolean): void {
  key.found = false;
  const { buffer, start, end } = span;
  if (buffer === null) return;
  keyText.length = 0;
  if (buffer[start] === 34) unescapeString(buffer, start, keyText);
  else keyText.append(buffer, start, end);
  keyText.seal();
  if (keyText.length === 0) return;
  key.text.length = 0;
  try {
    readId(keyText.bytes, 0, keyText.length, key.text, typed, 0);
  } catch {
    key.text.length = 0;
    key.text.append(keyText.bytes, 0, keyText.length);
  }
  key.text.seal();
  finishKey(key);
}

/** Copies the text of the `_id` within a key to `out`. */
function readId(
  u: Uint8Array,
  p: number,
  end: number,
  out: ByteBuffer,
  typed: boolean,
  level: number,
): void {
  p = skipSpace(u, p);
  if (bytesAt(u, p, structText) && u[end - 1] === 125) {
    out.append(u, p + structText.length, end - 1);
    return;
  }
  if (u[p] === 34 && !typed) {
    unescapeString(u, p, out);
    return;
  }
  if (u[p] === 123 && level < 2) {
    const id = memberAt(u, p, idKey);
    if (id >= 0) return readId(u, id, skipValue(u, id), out, typed, 2);
    const payload = memberAt(u, p, payloadKey);
    if (payload >= 0) {
      return readId(u, payload, skipValue(u, payload), out, typed, level + 1);
    }
  }
  out.append(u, p, skipValue(u, p));
}

/** Text that is no JSON (a key made by other converters) stands for the string that it is. */
function finishKey(key: RecordKey): void {
  key.found = true;
  const { text, identity } = key;
  identity.length = 0;
  try {
    const end = writeCanonical(identity, text.bytes, skipSpace(text.bytes, 0), "identity");
    if (skipSpace(text.bytes, end) === text.length) return;
  } catch {
    // Not JSON: taken as a string below.
  }
  identity.length = 0;
  writeJsonString(identity, text.bytes, 0, text.length);
  text.length = 0;
  text.append(identity.bytes, 0, identity.length);
  text.seal();
}

/** Reads the identity from the document's `_id`, for records without a key. */
export function readDocumentKey(u: Uint8Array, start: number, key: RecordKey): void {
  key.found = false;
  const p = skipSpace(u, start);
  if (u[p] !== 123) return;
  const id = memberAt(u, p, underscoreIdKey);
  if (id < 0) return;
  key.identity.length = 0;
  writeCanonical(key.identity, u, id, "identity");
  key.found = true;
}
