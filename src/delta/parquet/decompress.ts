import zlib from "node:zlib";
import { decompressLz4, decompressLz4Raw, decompressZstd } from "hyparquet-compressors";
import { messageOf } from "../../errors.ts";
import { readFailure } from "./read-failure.ts";
import { snappyDecompress } from "./snappy-decompress.ts";

/** One page's bytes, `size` of them. Errors: `parquet` when they are damaged or the codec unknown. */
export function decompress(codec: string, bytes: Uint8Array, size: number): Uint8Array {
  if (codec === "UNCOMPRESSED") return bytes;
  // Some writers leave an empty page without even a frame.
  if (size === 0) return new Uint8Array(0);
  let plain: Uint8Array;
  try {
    plain = decompressed(codec, bytes, size);
  } catch (error) {
    throw readFailure(`a page compressed with ${codec} is damaged: ${messageOf(error)}`, error);
  }
  if (plain.length !== size) {
    throw readFailure(`a page has ${plain.length} bytes where its header says ${size}`);
  }
  return plain;
}

function decompressed(codec: string, bytes: Uint8Array, size: number): Uint8Array {
  switch (codec) {
    case "ZSTD":
      // Node.js before 22.15 has no zstd of its own.
      return typeof zlib.zstdDecompressSync === "function"
        ? zlib.zstdDecompressSync(bytes, { chunkSize: chunkSizeOf(size) })
        : decompressZstd(bytes);
    case "SNAPPY":
      return snappyDecompress(bytes, size);
    case "GZIP":
      return zlib.gunzipSync(bytes, { chunkSize: chunkSizeOf(size) });
    case "BROTLI":
      return zlib.brotliDecompressSync(bytes);
    case "LZ4":
      return decompressLz4(bytes, size);
    case "LZ4_RAW":
      return decompressLz4Raw(bytes, size);
    default:
      throw readFailure(`codec ${codec} is not supported`);
  }
}

/** Room for the whole page at once where that is not much; a byte more than it shows its end. */
function chunkSizeOf(size: number): number {
  return Math.min(Math.max(size + 1, 1024), 4 << 20);
}
