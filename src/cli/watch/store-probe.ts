import { messageOf } from "../../errors.ts";
import { storeProbeMsMax, storeSilenceMsMax } from "../../limits.ts";
import type { RunEvent, RunObserver } from "./run-event.ts";

/** Finds out whether a store answers of which nothing was heard lately. */
export type StoreProbe = {
  observe(event: RunEvent): void;
  /** Asks the store when it was silent for long; never throws. */
  check(): Promise<void>;
};

/**
 * A run that has nothing to write asks nothing of its store, and a store that hangs answers
 * nothing: whoever asks for readiness then asks the store. `ask` is one small request.
 */
export function storeProbe(
  { ask, tell, nowMs }: {
    readonly ask: (signal: AbortSignal) => Promise<unknown>;
    readonly tell: RunObserver;
    readonly nowMs: () => number;
  },
): StoreProbe {
  let heardMs = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | null = null;
  const askOnce = async (): Promise<void> => {
    const limit = AbortSignal.timeout(storeProbeMsMax);
    try {
      await ask(limit);
      tell({ kind: "store-answer", why: null });
    } catch (error) {
      const why = limit.aborted ? `no answer within ${storeProbeMsMax} ms` : messageOf(error);
      tell({ kind: "store-answer", why });
    } finally {
      asking = null;
    }
  };
  return {
    observe(event) {
      if (event.kind === "store-answer") heardMs = nowMs();
    },
    async check() {
      if (nowMs() - heardMs < storeSilenceMsMax) return;
      await (asking ??= askOnce());
    },
  };
}
