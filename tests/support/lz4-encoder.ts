/** LZ4 frames as several writers make them; slow and simple, for tests. */

export type Lz4Options = {
  /** Blocks may refer to the blocks before them. */
  readonly linked?: boolean;
  /** Bytes of one block; the frame declares the smallest size that holds it. */
  readonly blockBytes?: number;
  /** Blocks are stored as they are. */
  readonly stored?: boolean;
  readonly contentSize?: boolean;
  readonly blockChecksums?: boolean;
  readonly contentChecksum?: boolean;
  /** The checksum that old Kafka clients wrote: over the magic number too. */
  readonly oldHeaderChecksum?: boolean;
};

const blockSizes = [64 << 10, 256 << 10, 1 << 20, 4 << 20];

/** One LZ4 frame that holds `input`. */
export function lz4Frame(input: Uint8Array, options: Lz4Options = {}): Uint8Array {
  const blockBytes = options.blockBytes ?? 64 << 10;
  const sizeCode = 4 + blockSizes.findIndex((size) => size >= blockBytes);
  const out = frameHeader(input.length, sizeCode, options);
  for (let start = 0; start < input.length; start += blockBytes) {
    const end = Math.min(input.length, start + blockBytes);
    const from = options.linked === true ? Math.max(0, start - 65535) : start;
    const packed = options.stored === true ? null : lz4Block(input, from, start, end);
    const stored = packed === null || packed.length >= end - start;
    const data = stored ? [...input.subarray(start, end)] : packed;
    out.push(...le32(stored ? (data.length | 0x80000000) >>> 0 : data.length), ...data);
    if (options.blockChecksums === true) out.push(...le32(xxHash32(Uint8Array.from(data))));
  }
  out.push(0, 0, 0, 0);
  if (options.contentChecksum === true) out.push(...le32(xxHash32(input)));
  return Uint8Array.from(out);
}

function frameHeader(size: number, sizeCode: number, options: Lz4Options): number[] {
  const flags = 0x40 | (options.linked === true ? 0 : 0x20) |
    (options.blockChecksums === true ? 0x10 : 0) | (options.contentSize === true ? 0x08 : 0) |
    (options.contentChecksum === true ? 0x04 : 0);
  const magic = [0x04, 0x22, 0x4d, 0x18];
  const fields = [flags, sizeCode << 4];
  if (options.contentSize === true) fields.push(...le32(size), 0, 0, 0, 0);
  const hashed = options.oldHeaderChecksum === true ? [...magic, ...fields] : fields;
  return [...magic, ...fields, (xxHash32(Uint8Array.from(hashed)) >>> 8) & 255];
}

/** Sequences for `input[start .. end)`; matches may begin at `from`. */
function lz4Block(input: Uint8Array, from: number, start: number, end: number): number[] {
  const out: number[] = [];
  const seen = new Map<number, number>();
  const word = (at: number): number =>
    input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16) | (input[at + 3]! << 24);
  for (let at = from; at < start; at++) seen.set(word(at), at);
  let literal = start;
  // The last match starts at least 12 bytes before the block's end and leaves 5 literals.
  for (let at = start; at <= end - 12;) {
    const found = seen.get(word(at));
    seen.set(word(at), at);
    if (found === undefined || at - found > 65535) {
      at++;
      continue;
    }
    let length = 4;
    while (at + length < end - 5 && input[found + length] === input[at + length]) length++;
    sequence(out, input.subarray(literal, at), length);
    out.splice(out.length - extraBytes(length - 4), 0, (at - found) & 255, (at - found) >> 8);
    at += length;
    literal = at;
  }
  sequence(out, input.subarray(literal, end), 0);
  return out;
}

/** Token, literals and the match's further length bytes; the caller puts the offset before those. */
function sequence(out: number[], literals: Uint8Array, matchLength: number): void {
  const match = matchLength === 0 ? 0 : matchLength - 4;
  out.push((Math.min(literals.length, 15) << 4) | Math.min(match, 15));
  pushLength(out, literals.length);
  for (const byte of literals) out.push(byte);
  if (matchLength > 0) pushLength(out, match);
}

function pushLength(out: number[], length: number): void {
  if (length < 15) return;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) out.push(255);
  out.push(rest);
}

function extraBytes(length: number): number {
  return length < 15 ? 0 : Math.floor((length - 15) / 255) + 1;
}

function le32(value: number): number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255];
}

const p1 = 0x9e3779b1;
const p2 = 0x85ebca77;
const p3 = 0xc2b2ae3d;
const p4 = 0x27d4eb2f;
const p5 = 0x165667b1;
const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/** xxHash32 with seed 0. */
export function xxHash32(u: Uint8Array): number {
  const view = new DataView(u.buffer, u.byteOffset, u.length);
  let at = 0;
  let h = p5;
  if (u.length >= 16) {
    const lanes = [(p1 + p2) | 0, p2, 0, -p1 | 0];
    for (; at + 16 <= u.length; at += 16) {
      for (let i = 0; i < 4; i++) {
        const mixed = (lanes[i]! + Math.imul(view.getUint32(at + 4 * i, true), p2)) | 0;
        lanes[i] = Math.imul(rotate(mixed, 13), p1);
      }
    }
    h = rotate(lanes[0]!, 1) + rotate(lanes[1]!, 7) + rotate(lanes[2]!, 12) + rotate(lanes[3]!, 18);
  }
  h = (h + u.length) | 0;
  for (; at + 4 <= u.length; at += 4) {
    h = Math.imul(rotate((h + Math.imul(view.getUint32(at, true), p3)) | 0, 17), p4);
  }
  for (; at < u.length; at++) h = Math.imul(rotate((h + Math.imul(u[at]!, p5)) | 0, 11), p1);
  h = Math.imul(h ^ (h >>> 15), p2);
  h = Math.imul(h ^ (h >>> 13), p3);
  return (h ^ (h >>> 16)) >>> 0;
}
