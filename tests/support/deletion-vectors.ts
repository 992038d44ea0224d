import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import type { DeletionVectorDescriptor } from "../../src/delta/log/actions.ts";
import type { ObjectStore } from "../../src/delta/storage/object-store.ts";
import { signal } from "./delta-table.ts";

/** A deletion vector in the log itself, of ascending rows below 65,536. */
export function inlineVector(rows: readonly number[]): DeletionVectorDescriptor {
  const bytes = serializeRows(rows);
  return {
    storageType: "i",
    pathOrInlineDv: encodeZ85(bytes),
    sizeInBytes: bytes.length,
    cardinality: BigInt(rows.length),
  };
}

/** A deletion vector in a file of its own at the table's root. */
export async function storedVector(
  store: ObjectStore,
  uuid: string,
  rows: readonly number[],
): Promise<DeletionVectorDescriptor> {
  const bytes = serializeRows(rows);
  const file = Buffer.alloc(1 + 4 + bytes.length + 4);
  file[0] = 1;
  file.writeUInt32BE(bytes.length, 1);
  bytes.copy(file, 5);
  file.writeUInt32BE(crc32(bytes), 5 + bytes.length);
  await store.put(`deletion_vector_${uuid}.bin`, [file], { signal });
  return {
    storageType: "u",
    pathOrInlineDv: encodeZ85(Buffer.from(uuid.replaceAll("-", ""), "hex")),
    offset: 1,
    sizeInBytes: bytes.length,
    cardinality: BigInt(rows.length),
  };
}

/** A portable RoaringBitmapArray with one array container. */
function serializeRows(rows: readonly number[]): Buffer {
  const head = [
    [1681511377, 4], // magic number
    [1, 4],
    [0, 4], // one bucket (64-bit length)
    [0, 4], // its upper half
    [12346, 4],
    [1, 4], // a bitmap without runs, one container
    [0, 2],
    [rows.length - 1, 2], // its key and cardinality
    [16, 4], // where it begins
  ] as const;
  const parts = [...head, ...rows.map((row) => [row, 2] as const)];
  return Buffer.concat(parts.map(([value, length]) => {
    const part = Buffer.alloc(length);
    part.writeUIntLE(value, 0, length);
    return part;
  }));
}

const alphabet =
  "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

function encodeZ85(bytes: Uint8Array): string {
  const padded = Buffer.alloc(Math.ceil(bytes.length / 4) * 4);
  padded.set(bytes);
  let text = "";
  for (let at = 0; at < padded.length; at += 4) {
    let value = padded.readUInt32BE(at);
    const letters: string[] = [];
    for (let i = 0; i < 5; i++) {
      letters.unshift(alphabet[value % 85]!);
      value = Math.floor(value / 85);
    }
    text += letters.join("");
  }
  return text;
}
