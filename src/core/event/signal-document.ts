import { bytesAt, quotedKey, skipColon, skipSpace, skipValue } from "./json-scan.ts";
import { asciiOf } from "./json-string.ts";
import { isSignalType } from "./record-kind.ts";

const idKey = quotedKey("_id");
const typeKey = quotedKey("type");
const payloadKey = quotedKey("payload");
const dataKey = quotedKey("data");
const watermarkId = /^"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-(open|close)"$/;

/**
 * True for a document of Debezium's signal collection: exactly `_id`, `type`, and `payload` or
 * `data`, in this order, with a type of Debezium's. `log` is left out: a user's document may look
 * like it, and a row too many does less harm than one too few.
 */
export function isSignalDocument(u: Uint8Array, start: number, end: number): boolean {
  let p = skipSpace(u, start);
  if (u[p] !== 123) return false;
  p = skipSpace(u, p + 1);
  if (!bytesAt(u, p, idKey)) return false;
  p = skipSpace(u, skipValue(u, skipColon(u, p + idKey.length)));
  if (u[p] !== 44) return false;
  p = skipSpace(u, p + 1);
  if (!bytesAt(u, p, typeKey)) return false;
  p = skipColon(u, p + typeKey.length);
  const typeEnd = skipValue(u, p);
  if (u[p] !== 34 || typeEnd - p > 40) return false;
  const type = asciiOf(u, p + 1, typeEnd - 1);
  if (type === "log" || !isSignalType(type)) return false;
  p = skipSpace(u, typeEnd);
  if (u[p] !== 44) return false;
  p = skipSpace(u, p + 1);
  const third = bytesAt(u, p, payloadKey) ? payloadKey : bytesAt(u, p, dataKey) ? dataKey : null;
  if (third === null) return false;
  p = skipSpace(u, skipValue(u, skipColon(u, p + third.length)));
  return u[p] === 125 && skipSpace(u, p + 1) === end;
}

/** True for the `_id` text of an incremental snapshot's watermark, whose delete has no document. */
export function isWatermarkId(u: Uint8Array, start: number, end: number): boolean {
  return end - start >= 43 && end - start <= 44 && watermarkId.test(asciiOf(u, start, end));
}
