import { CdcDeltaError } from "../../errors.ts";
import type { ByteBuffer } from "./byte-buffer.ts";

/*
 * The LZ4 frame format 1.6 (lz4_Frame_format.md), read only. Checksums are not compared: a record
 * batch has one of its own, and old Kafka clients wrote the header's over the wrong bytes.
 */

const frameMagic = 0x184d2204;
const skippableMagic = 0x184d2a50;
const storedBit = 0x80000000;
/** Copies are made in steps of four bytes and may write that much too far. */
const slack = 8;

/**
 * Appends what the frames `u[start .. end)` hold to `out`, which may have at most `bytesMax` bytes
 * then. Errors: `decode` for damaged frames, and those that hold more.
 */
export function inflateLz4(
  u: Uint8Array,
  start: number,
  end: number,
  out: ByteBuffer,
  bytesMax: number,
): void {
  let p = start;
  while (p < end) {
    if (p + 4 > end) throw damaged("the frame's magic number is cut off");
    const magic = le32(u, p);
    if (((magic & 0xfffffff0) >>> 0) === skippableMagic) {
      if (p + 8 > end) throw damaged("a skippable frame is cut off");
      p += 8 + le32(u, p + 4);
      if (p > end) throw damaged("a skippable frame is cut off");
    } else if (magic === frameMagic) p = inflateFrame(u, p + 4, end, out, bytesMax);
    else throw damaged("no frame where one must start");
  }
}

function inflateFrame(
  u: Uint8Array,
  start: number,
  end: number,
  out: ByteBuffer,
  bytesMax: number,
): number {
  const flags = u[start] ?? 0;
  if (flags >> 6 !== 1) throw damaged("the frame has an unknown version");
  if ((flags & 1) !== 0) throw damaged("the frame needs a dictionary");
  const independent = (flags & 0x20) !== 0;
  const sizeCode = ((u[start + 1] ?? 0) >> 4) & 7;
  if (sizeCode < 4) throw damaged("the frame has an unknown block size");
  const blockBytesMax = 1 << (8 + 2 * sizeCode);
  const frameStart = out.length;
  let p = start + 3;
  if ((flags & 0x08) !== 0) {
    if (p + 8 > end) throw damaged("the frame's header is cut off");
    refuseAbove(le32(u, start + 2) + le32(u, start + 6) * 4294967296, bytesMax);
    p += 8;
  }
  for (;;) {
    if (p + 4 > end) throw damaged("the frame has no end");
    const head = le32(u, p);
    p += 4;
    if (head === 0) break;
    const size = head >= storedBit ? head - storedBit : head;
    if (size > end - p) throw damaged("a block is cut off");
    if (head >= storedBit) {
      if (size > blockBytesMax) throw damaged("a block is larger than the frame allows");
      out.append(u, p, p + size);
    } else {
      out.ensure(blockBytesMax + slack);
      const oldest = independent ? out.length : frameStart;
      out.length = inflateBlock(u, p, p + size, out, oldest, out.length + blockBytesMax);
    }
    refuseAbove(out.length, bytesMax);
    p += size + ((flags & 0x10) !== 0 ? 4 : 0);
  }
  p += (flags & 0x04) !== 0 ? 4 : 0;
  if (p > end) throw damaged("the frame has no end");
  return p;
}

/** Sequences of literals and matches; `oldest` is where matches may begin. */
function inflateBlock(
  u: Uint8Array,
  start: number,
  end: number,
  { bytes: to, length }: ByteBuffer,
  oldest: number,
  limit: number,
): number {
  let p = start;
  let at = length;
  while (p < end) {
    const token = u[p++]!;
    let literals = token >> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255 && p < end) literals += more = u[p++]!;
    }
    if (literals > end - p || literals > limit - at) throw damaged("literals run out of the block");
    if (literals > 32) {
      to.set(u.subarray(p, p + literals), at);
      p += literals;
      at += literals;
    } else for (const stop = p + literals; p < stop;) to[at++] = u[p++]!;
    if (p >= end) break;
    const offset = u[p]! | (u[p + 1] ?? 0) << 8;
    p += 2;
    let match = token & 15;
    if (match === 15) {
      let more = 255;
      while (more === 255 && p < end) match += more = u[p++]!;
    }
    match += 4;
    let from = at - offset;
    if (offset === 0 || from < oldest) throw damaged("a match begins before the data");
    if (match > limit - at) throw damaged("a match runs out of the block");
    if (match > 64 && offset >= match) {
      to.copyWithin(at, from, from + match);
      at += match;
    } else for (const stop = at + match; at < stop;) to[at++] = to[from++]!;
  }
  return at;
}

function le32(u: Uint8Array, p: number): number {
  return (u[p]! | u[p + 1]! << 8 | u[p + 2]! << 16 | u[p + 3]! << 24) >>> 0;
}

function refuseAbove(bytes: number, bytesMax: number): void {
  if (bytes > bytesMax) throw damaged(`it holds more than ${bytesMax} bytes decompressed`);
}

function damaged(what: string): CdcDeltaError {
  return new CdcDeltaError("decode", `Cannot decompress lz4: ${what}`);
}
