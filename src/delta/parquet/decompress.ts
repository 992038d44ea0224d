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
  if (size < 0 || size > sizeMax(codec, bytes.length)) {
    throw readFailure(`a page of ${bytes.length} bytes cannot hold ${size} in ${codec}`);
  }
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
        ? zlib.zstdDecompressSync(bytes, room(size))
        : decompressZstd(bytes);
    case "SNAPPY":
      return snappyDecompress(bytes, size);
    case "GZIP":
      return zlib.gunzipSync(bytes, room(size));
    case "BROTLI":
      return zlib.brotliDecompressSync(bytes, room(size));
    case "LZ4":
      return decompressLz4(bytes, size);
    case "LZ4_RAW":
      return decompressLz4Raw(bytes, size);
    default:
      throw readFailure(`codec ${codec} is not supported`);
  }
}

/** Room for the whole page at once where that is not much; a byte more than it shows its end. */
function room(size: number): { readonly chunkSize: number; readonly maxOutputLength: number } {
  const chunkSize = Math.min(Math.max(size + 1, 1024), 4 << 20);
  return { chunkSize, maxOutputLength: size + 1 };
}

/** What so many bytes hold at most, so that a damaged size is not made room for. */
function sizeMax(codec: string, bytes: number): number {
  // Per byte: copies of 64 bytes in 3 (Snappy), of any length at 255 a byte (LZ4).
  if (codec === "SNAPPY") return bytes * 32;
  return codec === "LZ4" || codec === "LZ4_RAW" ? bytes * 256 : Number.POSITIVE_INFINITY;
}
