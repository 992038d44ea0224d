import { ByteBuffer } from "./byte-buffer.ts";
import type { RecordFields } from "./change-event.ts";
import { setSpan } from "./debezium-envelope.ts";
import { bytesAt } from "./json-scan.ts";
import { writeJsonString } from "./json-string.ts";
import { createHeaderWalk, nextHeader, startWalk } from "./kafka-headers.ts";
import type { KafkaRecord } from "./kafka-record.ts";

const encoder = new TextEncoder();
const opKey = encoder.encode("__op");
const walk = createHeaderWalk();
/** What the headers say, in the form of a flattened document. Reused. */
const document = new ByteBuffer(256);

/**
 * True for a tombstone that is all there is of a delete: with `delete.tombstone.handling.mode`
 * `tombstone` or `delete-to-tombstone` the transform ExtractNewDocumentState makes one of the delete
 * itself, and `add.headers=op` says so. `fields.flat` is then the flattened document that the headers
 * make. The tombstone behind a delete has the header twice, the delete's and its own; it is none.
 */
export function isFlattenedDelete(record: KafkaRecord, fields: RecordFields): boolean {
  if (record.headerCount === 0) return false;
  const { bytes } = record;
  document.length = 0;
  document.appendAscii('{"__deleted":true');
  let marks = 0;
  let isDelete = false;
  startWalk(record, walk);
  while (nextHeader(bytes, walk)) {
    const { keyStart, keyEnd } = walk;
    if (walk.valueStart < 0 || bytes[keyStart] !== 95 || bytes[keyStart + 1] !== 95) continue;
    // Converters write a text as it is, or as a string of JSON.
    const quoted = bytes[walk.valueStart] === 34 && walk.valueEnd - walk.valueStart > 1;
    const start = quoted ? walk.valueStart + 1 : walk.valueStart;
    const end = quoted ? walk.valueEnd - 1 : walk.valueEnd;
    if (keyEnd - keyStart === opKey.length && bytesAt(bytes, keyStart, opKey)) {
      marks++;
      isDelete = end - start === 1 && bytes[start] === 100;
    }
    document.push(44);
    writeJsonString(document, bytes, keyStart, keyEnd);
    document.push(58);
    writeJsonString(document, bytes, start, end);
  }
  if (marks !== 1 || !isDelete) return false;
  document.push(125);
  document.seal();
  setSpan(fields.flat, document.bytes, 0, document.length);
  return true;
}
