/**
 * Snappy's raw format (format_description.txt) → the `size` bytes that it must hold. Throws an
 * `Error` that says what is wrong with damaged data. In plain code: an instance of WebAssembly for
 * every page would cost more than the pages of a small file.
 */
export function snappyDecompress(input: Uint8Array, size: number): Uint8Array {
  const start = lengthEnd(input, size);
  const out = new Uint8Array(size);
  let [p, at] = [start, 0];
  while (p < input.length) {
    const tag = input[p++]!;
    const kind = tag & 3;
    let count = (tag >> 2) + 1;
    if (kind === 0) {
      if (count > 60) {
        const extra = count - 60;
        count = littleEndian(input, p, extra) + 1;
        p += extra;
      }
      if (count > input.length - p || count > size - at) throw new Error("a literal is too long");
      if (count > 32) out.set(input.subarray(p, p + count), at);
      else for (let i = 0; i < count; i++) out[at + i] = input[p + i]!;
      p += count;
      at += count;
      continue;
    }
    let offset: number;
    if (kind === 1) {
      count = ((tag >> 2) & 7) + 4;
      offset = (tag >> 5) << 8 | (input[p++] ?? 0);
    } else {
      offset = littleEndian(input, p, kind === 2 ? 2 : 4);
      p += kind === 2 ? 2 : 4;
    }
    if (offset === 0 || offset > at) throw new Error("a copy begins before the data");
    if (count > size - at) throw new Error("a copy is too long");
    // What is copied may overlap what it becomes: byte by byte repeats it, as it is meant to.
    for (const end = at + count; at < end; at++) out[at] = out[at - offset]!;
  }
  if (at !== size) throw new Error(`it ends after ${at} of ${size} bytes`);
  return out;
}

/** Where the length that the data begin with ends. */
function lengthEnd(input: Uint8Array, size: number): number {
  let [p, length] = [0, 0];
  for (let factor = 1;; factor *= 128) {
    const byte = input[p++];
    if (byte === undefined || factor > 2 ** 28) throw new Error("its length cannot be read");
    length += (byte & 127) * factor;
    if (byte < 128) break;
  }
  if (length !== size) throw new Error(`it holds ${length} bytes instead of ${size}`);
  return p;
}

function littleEndian(input: Uint8Array, at: number, bytes: number): number {
  let value = 0;
  for (let i = bytes - 1; i >= 0; i--) value = value * 256 + (input[at + i] ?? 0);
  return value;
}
