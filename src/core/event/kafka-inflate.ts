import zlib from "node:zlib";
import { CdcDeltaError, messageOf } from "../../errors.ts";
import { kafkaBatchBytesMax } from "../../limits.ts";
import type { ByteBuffer } from "./byte-buffer.ts";
import { inflateLz4 } from "./lz4.ts";
import { inflateSnappy } from "./snappy-blocks.ts";

/** Compression codecs by the lowest three bits of a batch's attributes. */
export const codecNone = 0;
const codecGzip = 1;
const codecSnappy = 2;
const codecLz4 = 3;
const codecZstd = 4;

/**
 * Decompresses `u[start .. end)` into `out`, in place of what that held.
 *
 * Errors: `decode` for damaged data, for more than `kafkaBatchBytesMax` bytes and for codecs that
 * Kafka does not have; `unsupported` for zstd on a runtime without it.
 */
export function inflateKafka(
  codec: number,
  u: Uint8Array,
  start: number,
  end: number,
  out: ByteBuffer,
): void {
  out.length = 0;
  switch (codec) {
    case codecGzip:
      inflateNative("gzip", zlib.gunzipSync, u.subarray(start, end), out);
      return;
    case codecSnappy:
      inflateSnappy(u, start, end, out, kafkaBatchBytesMax);
      return;
    case codecLz4:
      inflateLz4(u, start, end, out, kafkaBatchBytesMax);
      return;
    case codecZstd:
      if (typeof zlib.zstdDecompressSync !== "function") {
        throw new CdcDeltaError(
          "unsupported",
          "Cannot read zstd: this runtime's zlib lacks it. Use Bun, Deno or a newer Node.js",
        );
      }
      inflateNative("zstd", zlib.zstdDecompressSync, u.subarray(start, end), out);
      return;
    default:
      throw new CdcDeltaError("decode", `Cannot decompress: there is no codec ${codec}`);
  }
}

function inflateNative(
  name: string,
  inflate: (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array,
  packed: Uint8Array,
  out: ByteBuffer,
): void {
  let plain: Uint8Array;
  try {
    plain = inflate(packed, { maxOutputLength: kafkaBatchBytesMax });
  } catch (error) {
    const tooLarge = error instanceof Error && "code" in error &&
      error.code === "ERR_BUFFER_TOO_LARGE";
    const what = tooLarge
      ? `it holds more than ${kafkaBatchBytesMax} bytes decompressed`
      : messageOf(error);
    throw new CdcDeltaError("decode", `Cannot decompress ${name}: ${what}`, { cause: error });
  }
  out.append(plain, 0, plain.length);
}
