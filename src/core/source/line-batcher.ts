import type { BatchMemory } from "./batch-memory.ts";

/** Whole lines and where the first of them starts in the stream. */
export type CutLines = { readonly bytes: Uint8Array; readonly offset: number };

/**
 * Collects a stream's bytes in memory that is handed over with the lines, so that bytes are copied
 * only where a line lies across two batches.
 */
export type LineBatcher = {
  /** Free memory to read into, never empty; null: the line is longer than `lineBytesMax`. */
  space(): Uint8Array | null;
  /** Says that `count` bytes were put at the start of what `space` gave. */
  filled(count: number): void;
  /** True when a batch is as large as wanted. */
  full(): boolean;
  hasLines(): boolean;
  /** The whole lines so far; with `final` the rest without a newline, too. Null: nothing. */
  take(options: { readonly final: boolean }): CutLines | null;
  /** What lies behind the last whole line. */
  tail(): Uint8Array;
  /** Offset of the first byte that was not taken yet. */
  offset(): number;
  /** Gives up memory that is not needed while the stream is quiet. */
  shrink(): void;
};

const newline = 0x0a;
const noBytes = new Uint8Array(0);

/** A `LineBatcher` that takes its memory from `memory`. */
export function lineBatcher(
  limits: { readonly batchBytes: number; readonly lineBytesMax: number },
  memory: BatchMemory,
): LineBatcher {
  let buffer = noBytes;
  let used = 0;
  // End of the last whole line in the buffer.
  let cut = 0;
  let start = 0;

  function moveTo(capacity: number): void {
    const larger = memory.take(capacity);
    larger.set(buffer.subarray(0, used));
    buffer = larger;
  }

  function taken(end: number): CutLines {
    const offset = start;
    const rest = used - end;
    let bytes: Uint8Array;
    if (end * 2 > buffer.length) {
      // The memory goes with the lines.
      bytes = buffer.subarray(0, end);
      const next = rest === 0 ? noBytes : memory.take(Math.max(limits.batchBytes, rest * 2));
      next.set(buffer.subarray(end, used));
      buffer = next;
    } else {
      bytes = buffer.slice(0, end);
      buffer.copyWithin(0, end, used);
    }
    used = rest;
    cut = 0;
    start += end;
    return { bytes, offset };
  }

  return {
    space() {
      if (cut === 0 && used > limits.lineBytesMax) return null;
      if (used === buffer.length) {
        const wanted = Math.max(limits.batchBytes, used * 2);
        moveTo(Math.max(used + 1, Math.min(wanted, limits.lineBytesMax + limits.batchBytes)));
      }
      // Behind a giant line the buffer is large; what follows it is still cut into usual batches.
      return buffer.subarray(used, used + limits.batchBytes);
    },
    filled(count) {
      const end = used + count;
      const last = buffer.subarray(used, end).lastIndexOf(newline);
      if (last >= 0) cut = used + last + 1;
      used = end;
    },
    full: () => cut > 0 && used >= limits.batchBytes,
    hasLines: () => cut > 0,
    take({ final }) {
      const end = final ? used : cut;
      return end === 0 ? null : taken(end);
    },
    tail: () => buffer.subarray(cut, used),
    offset: () => start,
    shrink() {
      if (buffer.length > used) buffer = buffer.slice(0, used);
    },
  };
}
