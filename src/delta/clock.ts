/** Time as an object, so that a simulation can own it. */
export type Clock = {
  /** Milliseconds since the epoch. */
  nowMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
};

/** Randomness as an object, so that a seed can own it. */
export type Random = {
  /** A random UUID (version 4). */
  uuid(): string;
  /** A number in [0, 1). */
  next(): number;
};
