/** Limits of reading files and pipes, with their units in the names. */
export type SourceLimits = {
  /** About how large a batch is; also the size of a read. */
  readonly batchBytes: number;
  /** How many batches' memory is kept for the next ones. */
  readonly spareBatchesMax: number;
  /** A longer line is an error: it would not fit into memory together with its columns. */
  readonly lineBytesMax: number;
  /** How long lines of a pipe may wait for more before they are handed over. */
  readonly lingerMs: number;
  /** How often a followed file, a followed folder or a quiet pipe is looked at. */
  readonly pollMs: number;
  /** How much of a followed file's start and end is compared to find out that it was replaced. */
  readonly continuityBytes: number;
};

export const defaultSourceLimits: SourceLimits = {
  batchBytes: 1 << 20,
  spareBatchesMax: 256,
  lineBytesMax: 64 << 20,
  lingerMs: 50,
  pollMs: 200,
  continuityBytes: 4096,
};
