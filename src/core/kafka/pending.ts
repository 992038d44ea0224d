export type PendingOptions = {
  /** Aborted: the promise is rejected with the signal's reason at once. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** What the promise is rejected with when the time is over. */
  readonly onTimeout: () => Error;
};

/**
 * Promises that are given up together: when a connection ends, whatever waits on it is rejected.
 * Nothing is kept of a promise that has settled, so that a connection can live for months.
 */
export type Pending = {
  readonly until: <T>(work: Promise<T>, options: PendingOptions) => Promise<T>;
  readonly rejectAll: (error: Error) => void;
  readonly count: () => number;
};

/** Nothing waits yet. */
export function pending(): Pending {
  const waiting = new Set<(error: Error) => void>();
  return {
    until: (work, { signal, timeoutMs, onTimeout }) =>
      new Promise((resolve, reject) => {
        const release = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", onAbort);
          waiting.delete(fail);
        };
        const fail = (error: unknown) => {
          release();
          reject(error);
        };
        const onAbort = () => fail(signal.reason);
        const timer = setTimeout(() => fail(onTimeout()), timeoutMs);
        signal.addEventListener("abort", onAbort);
        waiting.add(fail);
        work.then(resolve, reject).finally(release);
        if (signal.aborted) onAbort();
      }),
    rejectAll(error) {
      for (const fail of waiting) fail(error);
    },
    count: () => waiting.size,
  };
}
