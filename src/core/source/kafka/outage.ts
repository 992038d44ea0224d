import { CdcDeltaError } from "../../../errors.ts";
import type { SourceContext } from "./source-context.ts";

/** Failures in a row of one kind of request. */
export type Outage = {
  /**
   * Waits before the next try: exponentially longer, by chance up to half less. Errors: the given one when
   * no repetition helps, `kafka` when there were too many, the signal's reason.
   */
  failed(error: unknown, signal: AbortSignal): Promise<void>;
  /** A success: tries are counted anew. */
  recovered(): void;
};

/** `what` such as `fetch from broker 1`. */
export function createOutage(context: SourceContext, what: string): Outage {
  const { limits, health } = context;
  const { clock, random, onEvent, client } = context.options;
  let attempts = 0;
  let sinceMs = 0;
  return {
    async failed(error, signal) {
      signal.throwIfAborted();
      // Data loss, a table of another pipeline and such are told by the end of the run.
      const byKafka = error instanceof CdcDeltaError && error.code === "kafka";
      if (byKafka) health.down(what, error.message);
      if (!(error instanceof CdcDeltaError) || !error.retryable) throw error;
      if (attempts === 0) sinceMs = clock.nowMs();
      attempts += 1;
      if (attempts >= limits.attemptsMax) {
        const seconds = ((clock.nowMs() - sinceMs) / 1000).toFixed(1);
        const reason = /[.?!]$/.test(error.message) ? error.message : `${error.message}.`;
        throw new CdcDeltaError(
          "kafka",
          `Cannot ${what} (${client.description}): tried ${attempts} times in ${seconds} s; the ` +
            `last time: ${reason} Check that the brokers run and can be reached, then run ` +
            `again; nothing was lost`,
          { context: { ...error.context, attempts }, cause: error },
        );
      }
      const bound = Math.min(limits.retryMsMax, limits.retryMsFirst * 2 ** (attempts - 1));
      // Half of it is certain: all tries together outlast the election of a new leader.
      const delayMs = Math.floor(bound * (1 + random.next()) / 2);
      onEvent({ kind: "retry", what, attempt: attempts, delayMs, error: error.message });
      await clock.sleep(delayMs, signal);
    },
    recovered() {
      attempts = 0;
      health.up(what);
    },
  };
}

/** Repeats a call until it succeeds, as its outage allows. */
export async function persist<T>(
  outage: Outage,
  signal: AbortSignal,
  call: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      const value = await unlessAborted(call(), signal);
      outage.recovered();
      return value;
    } catch (error) {
      await outage.failed(error, signal);
    }
  }
}

/** The promise, or the signal's reason as soon as it is aborted. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    const done = (): void => signal.removeEventListener("abort", onAbort);
    promise.then(resolve, reject).finally(done);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * The answer of a call that may take so long at most. Errors: `kafka`, retryable, when time is up;
 * the call's signal is aborted then.
 */
export async function withLimit<T>(
  context: SourceContext,
  limit: { readonly ms: number; readonly doing: string; readonly signal: AbortSignal },
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timer = new AbortController();
  const late = new AbortController();
  const timeIsUp = (): void =>
    late.abort(
      new CdcDeltaError("kafka", `Cannot ${limit.doing}: no answer within ${limit.ms} ms`, {
        retryable: true,
      }),
    );
  // Being called off is not an error here.
  context.options.clock.sleep(limit.ms, timer.signal).then(timeIsUp, () => undefined);
  const signal = AbortSignal.any([limit.signal, late.signal]);
  try {
    return await unlessAborted(call(signal), signal);
  } finally {
    timer.abort();
  }
}
