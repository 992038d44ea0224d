import { writeCanonical } from "../decode/canonical-json.ts";
import type { RescueLog } from "../decode/rescue.ts";
import { ByteBuffer } from "../event/byte-buffer.ts";
import type { RecordFields, Span } from "../event/change-event.ts";
import {
  bytesAt,
  quotedKey,
  skipColon,
  skipSpace,
  skipString,
  skipValue,
} from "../event/json-scan.ts";
import { unescapeString, writeJsonString } from "../event/json-string.ts";

const updatedFieldsKey = quotedKey("updatedFields");
const path = "/updateDescription";
const inner = new ByteBuffer(1024);

/**
 * Keeps what an update without its document says of the change: `updateDescription` as canonical
 * Extended JSON with `updatedFields` as an object, not as text within text; of Debezium before 1.8
 * the `patch`.
 */
export function writeUpdateDescription(fields: RecordFields, rescue: RescueLog): void {
  const { updateDescription, patch } = fields;
  if (updateDescription.buffer !== null) {
    const from = rescue.text.length;
    if (updateDescription.buffer[updateDescription.start] === 123) {
      writeMembers(rescue.text, updateDescription.buffer, updateDescription.start);
    } else writeText(rescue.text, updateDescription.buffer, updateDescription.start);
    rescue.add(path, path, "update-description", from);
  }
  if (patch.buffer !== null) writePatch(patch, rescue);
}

function writePatch({ buffer, start }: Span, rescue: RescueLog): void {
  const from = rescue.text.length;
  writeText(rescue.text, buffer!, start);
  rescue.add("/patch", "/patch", "update-description", from);
}

function writeMembers(out: ByteBuffer, u: Uint8Array, start: number): void {
  let p = skipSpace(u, start + 1);
  let separator = 123;
  while (u[p] === 34) {
    const keyEnd = skipString(u, p);
    const value = skipColon(u, keyEnd);
    out.push(separator);
    separator = 44;
    out.append(u, p, keyEnd);
    out.push(58);
    const end = bytesAt(u, p, updatedFieldsKey) && u[value] === 34
      ? writeText(out, u, value)
      : writeCanonical(out, u, value, "typed");
    p = skipSpace(u, end);
    if (u[p] === 44) p = skipSpace(u, p + 1);
  }
  if (separator === 123) out.push(123);
  out.push(125);
}

/** A JSON string that holds Extended JSON, as the value it holds; as a string if it is no JSON. */
function writeText(out: ByteBuffer, u: Uint8Array, p: number): number {
  if (u[p] !== 34) {
    writeCanonical(out, u, p, "typed");
    return skipValue(u, p);
  }
  inner.length = 0;
  const end = unescapeString(u, p, inner);
  inner.seal();
  const from = out.length;
  try {
    const close = writeCanonical(out, inner.bytes, skipSpace(inner.bytes, 0), "typed");
    if (skipSpace(inner.bytes, close) === inner.length) return end;
  } catch {
    // Not JSON: kept as the string that it is.
  }
  out.length = from;
  writeJsonString(out, inner.bytes, 0, inner.length);
  return end;
}
