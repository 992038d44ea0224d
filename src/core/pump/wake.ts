import type { Clock } from "../../delta/engine.ts";

/** A condition that one loop waits on and others raise. */
export type Wake = {
  /** Ends the current wait, or makes the next one end at once. */
  notify(): void;
  /** Waits for `notify`, at most until `untilMs` (null: no limit). */
  wait(untilMs: number | null): Promise<void>;
};

/** A `Wake` on the given clock. */
export function createWake(clock: Clock): Wake {
  let raised = false;
  let resolveWaiter: (() => void) | null = null;
  return {
    notify() {
      raised = true;
      resolveWaiter?.();
    },
    async wait(untilMs) {
      if (!raised) {
        const timer = new AbortController();
        const raisedLater = new Promise<void>((resolve) => {
          resolveWaiter = resolve;
        });
        if (untilMs === null) await raisedLater;
        else {
          const sleepMs = Math.max(0, untilMs - clock.nowMs());
          const slept = clock.sleep(sleepMs, timer.signal).catch(() => undefined);
          await Promise.race([raisedLater, slept]);
          timer.abort();
        }
        resolveWaiter = null;
      }
      raised = false;
    },
  };
}
