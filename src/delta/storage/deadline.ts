/** Thrown into a request that has been silent for too long. */
export class DeadlineError extends Error {
  constructor(ms: number) {
    super(`no answer within ${ms} ms`);
    this.name = "DeadlineError";
  }
}

/**
 * Runs `work` with a signal that follows `signal` and fires by itself after `ms` without a call of
 * `extend`. Settles as soon as the signal fires, even when the work does not listen.
 */
export async function withDeadline<Result>(
  signal: AbortSignal,
  ms: number,
  work: (signal: AbortSignal, extend: () => void) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const expire = (): void => controller.abort(new DeadlineError(ms));
  const follow = (): void => controller.abort(signal.reason);
  let timer = setTimeout(expire, ms);
  const extend = (): void => {
    clearTimeout(timer);
    timer = setTimeout(expire, ms);
  };
  signal.addEventListener("abort", follow, { once: true });
  try {
    const aborted = new Promise<never>((_, reject) => {
      controller.signal.addEventListener("abort", () => reject(controller.signal.reason), {
        once: true,
      });
    });
    return await Promise.race([work(controller.signal, extend), aborted]);
  } catch (error) {
    // The work's own error is then only an echo of the abort.
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", follow);
  }
}
