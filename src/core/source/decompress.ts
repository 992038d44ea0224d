import { createGunzip, createZstdDecompress } from "node:zlib";
import { CdcDeltaError, messageOf } from "../../errors.ts";
import type { ByteReader } from "./byte-reader.ts";
import { detectCompression, magicBytesMax, type UnreadableFormat } from "./compression.ts";
import { inflater } from "./inflater.ts";
import { type CompressedFormat, inflatingReader } from "./inflating-reader.ts";
import { zstdFrameSplitter } from "./zstd-frames.ts";

const chunkSize = 256 << 10;

/**
 * Reads what `raw` holds, decompressed if its first bytes are those of gzip (RFC 1952, any number
 * of members) or zstd (RFC 8878, any number of frames). `path` is for messages.
 *
 * Errors: `source` when the compressed data is cut, damaged, or of a format that is not read.
 */
export function decompressingReader(raw: ByteReader, path: string): ByteReader {
  const probe = new Uint8Array(magicBytesMax);
  let probed = 0;
  let probeAtEnd = false;
  let inner: ByteReader | null = null;

  function decide(): ByteReader | null {
    const head = probe.subarray(0, probed);
    const format = detectCompression(head, { atEnd: probeAtEnd });
    switch (format) {
      case "undecided":
        return null;
      case "plain":
        return prefixed(head, raw);
      case "gzip":
        return inflatingReader(prefixed(head, raw), gzipMembers(path));
      case "zstd":
        return inflatingReader(prefixed(head, raw), zstdFrames(path));
      default:
        throw unreadable(path, format);
    }
  }

  return {
    async read(target, options) {
      while (inner === null) {
        const outcome = await raw.read(probe.subarray(probed), options);
        if (outcome === "idle") return "idle";
        if (outcome === "end") probeAtEnd = true;
        else probed += outcome;
        inner = decide();
      }
      return await inner.read(target, options);
    },
    bytesRead: () => raw.bytesRead(),
    async close() {
      await (inner ?? raw).close();
    },
  };
}

function unreadable(path: string, format: UnreadableFormat): CdcDeltaError {
  const fix = format === "parquet" ? "Give NDJSON" : "Decompress it first";
  return new CdcDeltaError(
    "source",
    `Cannot read "${path}": it is a ${format} file; NDJSON is read plain, gzip or zstd. ${fix}.`,
    { context: { path, format } },
  );
}

/** Gives `head` first, then what `rest` reads. */
function prefixed(head: Uint8Array, rest: ByteReader): ByteReader {
  let at = 0;
  return {
    read(target, options) {
      if (at === head.length) return rest.read(target, options);
      const count = Math.min(target.length, head.length - at);
      target.set(head.subarray(at, at + count));
      at += count;
      return Promise.resolve(count);
    },
    bytesRead: () => rest.bytesRead(),
    close: () => rest.close(),
  };
}

function gzipMembers(path: string): CompressedFormat {
  return {
    pieces: (bytes) => [{ bytes, endsFrame: false }],
    open: () => inflater(createGunzip({ chunkSize })),
    // The stream knows whether the member that it is in has ended.
    mayEnd: () => true,
    failed(error) {
      const cut = error instanceof Error && "code" in error && error.code === "Z_BUF_ERROR";
      return cut ? cutOff(path, "gzip", error) : damaged(path, "gzip", error);
    },
  };
}

function zstdFrames(path: string): CompressedFormat {
  const splitter = zstdFrameSplitter();
  return {
    pieces: (chunk) => splitter.push(chunk),
    open: () => inflater(createZstdDecompress({ chunkSize })),
    mayEnd: () => splitter.atFrameBoundary(),
    failed: (error) => error === null ? cutOff(path, "zstd", error) : damaged(path, "zstd", error),
  };
}

function cutOff(path: string, format: string, cause: unknown): CdcDeltaError {
  return new CdcDeltaError(
    "source",
    `Cannot read "${path}": the ${format} data ends in the middle. The file was cut off or is ` +
      `still being written; provide the whole file.`,
    { cause, context: { path, format } },
  );
}

function damaged(path: string, format: string, cause: unknown): CdcDeltaError {
  return new CdcDeltaError(
    "source",
    `Cannot read "${path}": damaged ${format} data (${messageOf(cause)}). Provide a good copy.`,
    { cause, context: { path, format } },
  );
}
