import { ByteBuffer } from "./byte-buffer.ts";
import { emptySpan, type RecordFields } from "./change-event.ts";
import { readMs, setSpan } from "./debezium-envelope.ts";
import { metadataAt, type MetadataName } from "./flattened-metadata.ts";
import { type KnownNames, tableOfTopic } from "./flattened-topic.ts";
import { skipColon, skipSpace, skipString, skipValue } from "./json-scan.ts";
import { unescapedText, writeJsonString } from "./json-string.ts";

const opDelete = 100;
const operationLetters: ReadonlySet<number> = new Set([99, 117, opDelete, 114]);
const encoder = new TextEncoder();

const addFields = "add.fields=op,db,collection,ts_ms,source.ts_ms to the connector's " +
  "ExtractNewDocumentState";
const noOperation = "Cannot use the flattened document: it does not say what was done. Add " +
  addFields;
const noTable = "Cannot use the flattened document: neither its fields nor the topic's name " +
  `(<prefix>.<database>.<collection>) tell its collection. Add ${addFields}`;

/** The document at hand without its metadata, and names taken from a topic. Reused. */
const document = new ByteBuffer(1 << 16);
const names = new ByteBuffer(256);
const metadata = {
  op: 0,
  deleted: false,
  /** True once `__deleted` was met: the fields behind it are the transform's. */
  ended: false,
  tsMs: Number.NaN,
  sourceTsMs: Number.NaN,
  db: emptySpan(),
  collection: emptySpan(),
};

/**
 * Reads the flattened document of the record at hand into `fields`, as if it had come in Debezium's
 * envelope: operation, time, names and the document, which is left without the metadata that
 * `add.fields` and `__deleted` put beside its fields. `topic` tells the collection of a document
 * that does not; null: there is none. Returns null, or why the record cannot be used.
 */
export function readFlattened(fields: RecordFields, topic: string | null): string | null {
  clearMetadata();
  const { buffer, start } = fields.flat;
  readMembers(buffer!, start, fields);
  const operation = metadata.deleted ? opDelete : metadata.op;
  if (!operationLetters.has(operation)) return noOperation;
  fields.op = operation;
  fields.timestampMs = Number.isNaN(metadata.sourceTsMs) ? metadata.tsMs : metadata.sourceTsMs;
  // `{}` is all that is left of a delete without its pre-image.
  if (document.length > 2) {
    const into = operation === opDelete ? fields.before : fields.after;
    setSpan(into, document.bytes, 0, document.length);
  }
  return nameTable(fields, topic) ? null : noTable;
}

function clearMetadata(): void {
  metadata.op = 0;
  metadata.deleted = false;
  metadata.ended = false;
  metadata.tsMs = Number.NaN;
  metadata.sourceTsMs = Number.NaN;
  metadata.db.buffer = null;
  metadata.collection.buffer = null;
}

/** Splits the object at `start`: metadata here, all other members into `document`. */
function readMembers(u: Uint8Array, start: number, fields: RecordFields): void {
  document.length = 0;
  document.push(123);
  let p = skipSpace(u, start + 1);
  while (u[p] === 34) {
    const value = skipColon(u, skipString(u, p));
    const end = skipValue(u, value);
    const name = u[p + 1] === 95 && u[p + 2] === 95 ? metadataAt(u, p, metadata.ended) : null;
    if (name !== null) takeMetadata(name, u, value, end, fields);
    else {
      if (document.length > 1) document.push(44);
      document.append(u, p, end);
    }
    p = skipSpace(u, end);
    if (u[p] === 44) p = skipSpace(u, p + 1);
  }
  document.push(125);
  document.seal();
}

function takeMetadata(
  name: MetadataName,
  u: Uint8Array,
  start: number,
  end: number,
  fields: RecordFields,
): void {
  const isText = u[start] === 34;
  switch (name) {
    case "op":
      metadata.op = isText && u[start + 2] === 34 ? u[start + 1]! : 0;
      return;
    case "deleted":
      // A boolean; text in what the transform for SQL databases writes.
      metadata.deleted = u[isText ? start + 1 : start] === 116;
      metadata.ended = true;
      return;
    case "ts_ms":
      metadata.tsMs = readMs(u, start, end);
      return;
    case "source_ts_ms":
      metadata.sourceTsMs = readMs(u, start, end);
      return;
    case "db":
      if (isText) setSpan(metadata.db, u, start + 1, end - 1);
      return;
    case "collection":
      if (isText) setSpan(metadata.collection, u, start + 1, end - 1);
      return;
    case "transaction_id":
      if (isText) setSpan(fields.transaction, u, start, end);
      return;
    case "other":
  }
}

/** False when neither the metadata nor the topic says which collection it is. */
function nameTable(fields: RecordFields, topic: string | null): boolean {
  const { db, collection } = metadata;
  if (db.buffer !== null && collection.buffer !== null) {
    setSpan(fields.db, db.buffer, db.start, db.end);
    setSpan(fields.collection, collection.buffer, collection.start, collection.end);
    return true;
  }
  if (topic === null) return false;
  const known: KnownNames = {
    db: db.buffer === null ? null : unescapedText(db.buffer, db.start - 1),
    collection: collection.buffer === null
      ? null
      : unescapedText(collection.buffer, collection.start - 1),
  };
  const table = tableOfTopic(topic, known);
  if (table === null) return false;
  names.length = 0;
  const dbEnd = writeName(table.db);
  const collectionEnd = writeName(table.collection);
  setSpan(fields.db, names.bytes, 1, dbEnd - 1);
  setSpan(fields.collection, names.bytes, dbEnd + 1, collectionEnd - 1);
  return true;
}

/** Appends a name as a JSON string, which is what the names of an envelope are. */
function writeName(name: string): number {
  const bytes = encoder.encode(name);
  writeJsonString(names, bytes, 0, bytes.length);
  return names.length;
}
