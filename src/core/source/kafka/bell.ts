import type { Clock } from "../../../delta/engine.ts";

/** A condition that one loop waits for and others raise. */
export type Bell = {
  /** Ends the waits under way, or makes the next one end at once. */
  ring(): void;
  /** Waits for `ring`, for the time (null: no limit) or for the signal; never throws. */
  wait(ms: number | null, signal: AbortSignal): Promise<void>;
};

/** A `Bell` on the given clock. */
export function createBell(clock: Clock): Bell {
  let rung = false;
  let wake: (() => void) | null = null;
  return {
    ring() {
      rung = true;
      wake?.();
    },
    async wait(ms, signal) {
      if (!rung && !signal.aborted) {
        const timer = new AbortController();
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal.addEventListener("abort", () => resolve(), { once: true, signal: timer.signal });
          // Called off or over, either way the wait ends.
          if (ms !== null) clock.sleep(ms, timer.signal).then(resolve, () => resolve());
        });
        wake = null;
        timer.abort();
      }
      rung = false;
    },
  };
}
