import { CdcDeltaError } from "../../errors.ts";
import type { ByteBuffer } from "./byte-buffer.ts";

/* Snappy as Kafka's producers write it: raw, or in the blocks of snappy-java ("Xerial"). */

const xerialMagic = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0);
const xerialHeaderBytes = 16;

/**
 * Appends what `u[start .. end)` holds to `out`, which may have at most `bytesMax` bytes then.
 * Errors: `decode` for damaged data, and data that holds more.
 */
export function inflateSnappy(
  u: Uint8Array,
  start: number,
  end: number,
  out: ByteBuffer,
  bytesMax: number,
): void {
  if (!isXerial(u, start, end)) {
    inflateRaw(u, start, end, out, bytesMax);
    return;
  }
  let p = start + xerialHeaderBytes;
  while (p < end) {
    if (p + 4 > end) throw damaged("a block is cut off");
    const size = (u[p]! << 24 | u[p + 1]! << 16 | u[p + 2]! << 8 | u[p + 3]!) >>> 0;
    p += 4;
    if (size > end - p) throw damaged("a block is cut off");
    inflateRaw(u, p, p + size, out, bytesMax);
    p += size;
  }
}

function isXerial(u: Uint8Array, start: number, end: number): boolean {
  return end - start >= xerialHeaderBytes && xerialMagic.every((byte, i) => u[start + i] === byte);
}

/** Snappy's raw format (format_description.txt): the length, then literals and copies. */
function inflateRaw(
  u: Uint8Array,
  start: number,
  end: number,
  out: ByteBuffer,
  bytesMax: number,
): void {
  let p = start;
  let size = 0;
  for (let factor = 1;; factor *= 128) {
    if (p >= end || factor > 2 ** 28) throw damaged("its length cannot be read");
    const byte = u[p++]!;
    size += (byte & 127) * factor;
    if (byte < 128) break;
  }
  // Three bytes make at most 64, so a length that the data cannot have is no reason to grow.
  if (size > bytesMax - out.length) {
    throw damaged(`it holds more than ${bytesMax} bytes decompressed`);
  }
  if (size > (end - p) * 32) throw damaged("it has fewer bytes than its length says");
  out.ensure(size);
  const stop = out.length + size;
  const at = inflateElements(u, p, end, out, stop);
  if (at !== stop) throw damaged("it has fewer bytes than its length says");
  out.length = stop;
}

function inflateElements(
  u: Uint8Array,
  start: number,
  end: number,
  { bytes: to, length }: ByteBuffer,
  stop: number,
): number {
  let p = start;
  let at = length;
  while (p < end) {
    const tag = u[p++]!;
    const kind = tag & 3;
    let size = (tag >> 2) + 1;
    if (kind === 0) {
      if (size > 60) {
        const extra = size - 60;
        size = littleEndian(u, p, extra) + 1;
        p += extra;
      }
      if (size > end - p || size > stop - at) throw damaged("a literal runs out of the data");
      if (size > 32) {
        to.set(u.subarray(p, p + size), at);
        p += size;
        at += size;
      } else for (const last = p + size; p < last;) to[at++] = u[p++]!;
      continue;
    }
    let offset: number;
    if (kind === 1) {
      size = ((tag >> 2) & 7) + 4;
      offset = (tag >> 5) << 8 | (u[p++] ?? 0);
    } else {
      offset = littleEndian(u, p, kind === 2 ? 2 : 4);
      p += kind === 2 ? 2 : 4;
    }
    let from = at - offset;
    if (offset === 0 || from < length) throw damaged("a copy begins before the data");
    if (size > stop - at) throw damaged("a copy runs out of the data");
    for (const last = at + size; at < last;) to[at++] = to[from++]!;
  }
  return at;
}

function littleEndian(u: Uint8Array, p: number, bytes: number): number {
  let value = 0;
  for (let i = bytes - 1; i >= 0; i--) value = value * 256 + (u[p + i] ?? 0);
  return value;
}

function damaged(what: string): CdcDeltaError {
  return new CdcDeltaError("decode", `Cannot decompress snappy: ${what}`);
}
