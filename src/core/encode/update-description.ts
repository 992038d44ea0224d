import { writeCanonical } from "../decode/canonical-json.ts";
import type { MaskPlaces } from "../decode/field-mask.ts";
import type { Masker } from "../decode/masker.ts";
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
/** Members that hold names and numbers, no values. */
const valuelessKeys = ["removedFields", "truncatedArrays"].map(quotedKey);
const path = "/updateDescription";
const inner = new ByteBuffer(1024);
const withheld = '"***"';

/** What replaces masked values, and where they are. */
export type UpdateMasks = { readonly masker: Masker; readonly places: MaskPlaces };

/**
 * Keeps what an update without its document says of the change: `updateDescription` as canonical
 * Extended JSON with `updatedFields` as an object, not as text within text; of Debezium before 1.8
 * the `patch`. What is masked is replaced; where that cannot be told from the text, all of it is.
 */
export function writeUpdateDescription(
  fields: RecordFields,
  rescue: RescueLog,
  masks: UpdateMasks,
): void {
  const { updateDescription, patch } = fields;
  if (updateDescription.buffer !== null) {
    const from = rescue.text.length;
    if (updateDescription.buffer[updateDescription.start] === 123) {
      writeMembers(rescue.text, updateDescription.buffer, updateDescription.start, masks);
    } else writeOpaque(rescue.text, updateDescription.buffer, updateDescription.start, masks);
    rescue.add(path, path, "update-description", from);
  }
  if (patch.buffer !== null) writePatch(patch, rescue, masks);
}

function writePatch({ buffer, start }: Span, rescue: RescueLog, masks: UpdateMasks): void {
  const from = rescue.text.length;
  writeOpaque(rescue.text, buffer!, start, masks);
  rescue.add("/patch", "/patch", "update-description", from);
}

function writeMembers(out: ByteBuffer, u: Uint8Array, start: number, masks: UpdateMasks): void {
  let p = skipSpace(u, start + 1);
  let separator = 123;
  while (u[p] === 34) {
    const keyEnd = skipString(u, p);
    const value = skipColon(u, keyEnd);
    out.push(separator);
    separator = 44;
    out.append(u, p, keyEnd);
    out.push(58);
    const end = bytesAt(u, p, updatedFieldsKey)
      ? writeText(out, u, value, masks)
      : valuelessKeys.some((key) => bytesAt(u, p, key))
      ? writeCanonical(out, u, value, "typed")
      : writeOpaque(out, u, value, masks);
    p = skipSpace(u, end);
    if (u[p] === 44) p = skipSpace(u, p + 1);
  }
  if (separator === 123) out.push(123);
  out.push(125);
}

/** A JSON string that holds Extended JSON, as the value it holds; as a string if it is no JSON. */
function writeText(out: ByteBuffer, u: Uint8Array, p: number, masks: UpdateMasks): number {
  const { masker, places } = masks;
  if (u[p] !== 34) return masker.writeCanonical(out, u, p, places);
  inner.length = 0;
  const end = unescapeString(u, p, inner);
  inner.seal();
  const from = out.length;
  try {
    const close = masker.writeCanonical(out, inner.bytes, skipSpace(inner.bytes, 0), places);
    if (skipSpace(inner.bytes, close) === inner.length) return end;
  } catch {
    // Not JSON: kept as the string that it is.
  }
  out.length = from;
  if (places.length > 0) out.appendAscii(withheld);
  else writeJsonString(out, inner.bytes, 0, inner.length);
  return end;
}

/** A value of a form that masked paths cannot be found in. */
function writeOpaque(out: ByteBuffer, u: Uint8Array, p: number, masks: UpdateMasks): number {
  if (masks.places.length === 0) {
    return u[p] === 34 ? writeText(out, u, p, masks) : writeCanonical(out, u, p, "typed");
  }
  out.appendAscii(u[p] === 110 ? "null" : withheld);
  return skipValue(u, p);
}
