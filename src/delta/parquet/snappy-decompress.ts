import { compressors } from "hyparquet-compressors";

/**
 * Snappy's raw format (format_description.txt) → the `size` bytes that it must hold. One instance of
 * WebAssembly serves all pages: one for each would cost more than the pages of a small file. Throws
 * an `Error` that says what is wrong with damaged data.
 */
export function snappyDecompress(input: Uint8Array, size: number): Uint8Array {
  const length = lengthOf(input);
  // The instance's memory still holds the page before: what it says must be what is asked for.
  if (length !== size) throw new Error(`it holds ${length} bytes instead of ${size}`);
  const decompress = compressors.SNAPPY;
  if (decompress === undefined) throw new Error("there is no decompressor for Snappy");
  return decompress(input, size);
}

/** The length that the data begin with. */
function lengthOf(input: Uint8Array): number {
  let [p, length] = [0, 0];
  for (let factor = 1;; factor *= 128) {
    const byte = input[p++];
    if (byte === undefined || factor > 2 ** 28) throw new Error("its length cannot be read");
    length += (byte & 127) * factor;
    if (byte < 128) return length;
  }
}
