import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { CdcDeltaError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import type { DeletionVectorDescriptor } from "./actions.ts";
import type { StoredFile } from "../storage/object-store.ts";
import { objectKeyOf } from "./file-key.ts";
import { locateFile } from "./locate-file.ts";
import { readRowSet, type RowSet } from "./roaring-bitmap.ts";
import { decodeZ85 } from "./z85.ts";

const uuidLetters = 20;

/**
 * The rows that a deletion vector takes out of its data file (PROTOCOL.md, "Deletion Vectors"): of
 * all three storage types, with size, checksum and cardinality compared.
 *
 * Errors: `log-corrupt` when they differ, `unsupported` for another storage type or a file that the
 * engine cannot reach, the store's.
 */
export async function readDeletionVector(
  engine: Engine,
  vector: DeletionVectorDescriptor,
  options: { readonly signal: AbortSignal },
): Promise<RowSet> {
  const { uri } = engine.store;
  try {
    const set = readRowSet(await readBytes(engine, vector, options));
    if (BigInt(set.cardinality) !== vector.cardinality) {
      throw new CdcDeltaError(
        "log-corrupt",
        `it holds ${set.cardinality} rows, the log says ${vector.cardinality}`,
      );
    }
    return set;
  } catch (error) {
    if (!(error instanceof CdcDeltaError) || error.code !== "log-corrupt") throw error;
    throw new CdcDeltaError(
      "log-corrupt",
      `Cannot read deletion vector "${vector.pathOrInlineDv}" of ${uri}: ${error.message}`,
      { cause: error, context: { table: uri } },
    );
  }
}

async function readBytes(
  engine: Engine,
  vector: DeletionVectorDescriptor,
  { signal }: { readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const { sizeInBytes } = vector;
  if (vector.storageType === "i") return decodeZ85(vector.pathOrInlineDv).subarray(0, sizeInBytes);
  const file = vectorFile(engine, vector);
  if (file === null) {
    throw new CdcDeltaError(
      "unsupported",
      `Cannot read deletion vector "${vector.pathOrInlineDv}" of ${engine.store.uri}: it lies ` +
        "outside of the table's folder where cdcdelta does not reach, or is stored in a way that it " +
        "does not know",
      { context: { features: "deletionVectors" } },
    );
  }
  const { store, key } = file;
  const start = vector.offset ?? 1;
  const range = { start, end: start + sizeInBytes + 8 };
  const stored = Buffer.from(await store.get(key, { signal, range }));
  if (stored.length < sizeInBytes + 8 || stored.readUInt32BE(0) !== sizeInBytes) {
    throw new CdcDeltaError("log-corrupt", `${key} has no ${sizeInBytes} bytes at ${start}`);
  }
  const bytes = stored.subarray(4, 4 + sizeInBytes);
  if (stored.readUInt32BE(4 + sizeInBytes) !== crc32(bytes)) {
    throw new CdcDeltaError("log-corrupt", `${key} is damaged: its checksum is another one`);
  }
  return bytes;
}

function vectorFile(engine: Engine, vector: DeletionVectorDescriptor): StoredFile | null {
  if (vector.storageType === "p") return locateFile(engine, vector.pathOrInlineDv);
  const key = deletionVectorKey(vector, engine.store.uri);
  return key === null ? null : { store: engine.store, key };
}

/**
 * The object that holds a deletion vector, relative to the table; null where none of the table's
 * own does: it is inline, or lies elsewhere.
 */
export function deletionVectorKey(
  { storageType, pathOrInlineDv: text }: DeletionVectorDescriptor,
  tableUri: string,
): string | null {
  if (storageType === "p") return objectKeyOf(text, tableUri);
  if (storageType !== "u" || text.length < uuidLetters) return null;
  const prefix = text.slice(0, -uuidLetters);
  const hex = Buffer.from(decodeZ85(text.slice(-uuidLetters))).toString("hex");
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return `${prefix === "" ? "" : `${prefix}/`}deletion_vector_${uuid}.bin`;
}
