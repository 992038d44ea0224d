import zlib from "node:zlib";
import { CdcDeltaError } from "../../errors.ts";
import type { Codec } from "./format.ts";
import { snappyCompress } from "./snappy.ts";

/** Compresses one page. Errors: `unsupported` for zstd on a runtime without it. */
export function compress(codec: Codec, bytes: Uint8Array, level: number): Uint8Array {
  switch (codec) {
    case "uncompressed":
      return bytes;
    case "snappy":
      return snappyCompress(bytes);
    case "gzip":
      return zlib.gzipSync(bytes, { level });
    case "zstd": {
      if (typeof zlib.zstdCompressSync !== "function") {
        throw new CdcDeltaError(
          "unsupported",
          "Cannot write zstd: this runtime's zlib lacks it. Use Bun, Deno or a newer Node.js",
        );
      }
      const params = { [zlib.constants.ZSTD_c_compressionLevel]: level };
      return zlib.zstdCompressSync(bytes, { params });
    }
  }
}
