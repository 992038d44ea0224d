import { appendVarint, byteSink, reserve, written } from "./byte-sink.ts";

const hashBits = 14;
/** Matches are searched within blocks, so that offsets fit in 16 bits. */
const blockSize = 65536;
const table = new Uint16Array(1 << hashBits);

/** Snappy's raw format (format_description.txt): greedy matches of at least 4 bytes. */
export function snappyCompress(input: Uint8Array): Uint8Array {
  const sink = byteSink(32 + input.length + Math.ceil(input.length / 6));
  appendVarint(sink, input.length);
  for (let start = 0; start < input.length; start += blockSize) {
    const block = input.subarray(start, Math.min(input.length, start + blockSize));
    reserve(sink, 32 + block.length + Math.ceil(block.length / 6));
    sink.at = compressBlock(block, sink.bytes, sink.at);
  }
  return written(sink);
}

function compressBlock(input: Uint8Array, out: Uint8Array, start: number): number {
  table.fill(0);
  let at = start;
  let literal = 0;
  let position = 1;
  const last = input.length - 4;
  while (position <= last) {
    const word = wordAt(input, position);
    const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - hashBits);
    const candidate = table[slot]!;
    table[slot] = position;
    if (candidate >= position || wordAt(input, candidate) !== word) {
      // The longer nothing matches, the larger the steps: incompressible data passes quickly.
      position += 1 + (position - literal >> 5);
      continue;
    }
    if (literal < position) at = appendLiteral(input, literal, position, out, at);
    let end = position + 4;
    let from = candidate + 4;
    while (end < input.length && input[end] === input[from]) {
      end++;
      from++;
    }
    at = appendCopies(out, at, position - candidate, end - position);
    position = end;
    literal = end;
  }
  if (literal < input.length) at = appendLiteral(input, literal, input.length, out, at);
  return at;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
}

function appendLiteral(
  input: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  position: number,
): number {
  let at = position;
  const size = end - start - 1;
  if (size < 60) out[at++] = size << 2;
  else if (size < 256) {
    out[at++] = 60 << 2;
    out[at++] = size;
  } else {
    out[at++] = 61 << 2;
    out[at++] = size & 255;
    out[at++] = size >>> 8;
  }
  out.set(input.subarray(start, end), at);
  return at + end - start;
}

/** Copies with a 16-bit offset, of at most 64 bytes each. */
function appendCopies(out: Uint8Array, start: number, offset: number, length: number): number {
  let at = start;
  let rest = length;
  while (rest > 0) {
    const size = Math.min(64, rest);
    out[at++] = size - 1 << 2 | 2;
    out[at++] = offset & 255;
    out[at++] = offset >>> 8;
    rest -= size;
  }
  return at;
}
