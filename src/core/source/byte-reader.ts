/** What a read gave: a count of bytes (never 0), nothing for now, or the end of the input. */
export type ReadOutcome = number | "idle" | "end";

export type ReadOptions = {
  /** How long to wait for a first byte; readers of files do not wait. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
};

/**
 * Bytes by pulling: the caller owns the memory and asks for more only when it has room, so that
 * whatever lies behind (file, pipe, decompressor) stays within bounded memory.
 */
export type ByteReader = {
  /** Puts at most `target.length` bytes at the start of `target`. */
  read(target: Uint8Array, options: ReadOptions): Promise<ReadOutcome>;
  /** Bytes taken from the file or pipe so far; compressed ones for a compressed input. */
  bytesRead(): number;
  close(): Promise<void>;
};
