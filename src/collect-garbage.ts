/** What collects when it is called, on a runtime that was started so. */
type Collecting = { readonly gc?: (() => void) | undefined };

/** Counts the bytes that work leaves behind, and has them collected. */
export type Litter = { left(bytes: number): void };

/** About what a process may grow by between two collections, unless told. */
const litterBytesMax = 112 << 20;

export type LitterOptions = {
  readonly bytesMax?: number;
  readonly collect?: (() => void) | undefined;
};

/**
 * Collectors wait until the memory in use has doubled, and count poorly what lies in strings and
 * buffers: going through the log of a million files, or reading a topic that is not compressed,
 * leaves gigabytes behind and would take twice the memory that is at hand. The binary is built with `--expose-gc`; elsewhere this does nothing.
 */
export function litter(
  { bytesMax = litterBytesMax, collect = (globalThis as Collecting).gc }: LitterOptions = {},
): Litter {
  let bytes = 0;
  return {
    left(more) {
      bytes += more;
      if (bytes < bytesMax) return;
      bytes = 0;
      collect?.();
    },
  };
}
