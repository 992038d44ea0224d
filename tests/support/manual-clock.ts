import type { Clock } from "../../src/delta/clock.ts";

/** A clock that stands still until a test turns it. */
export type ManualClock = Clock & {
  /** Lets the time pass: wakes whoever sleeps, in order, and lets their work come to rest. */
  advance(ms: number): Promise<void>;
};

type Sleeper = { readonly untilMs: number; readonly wake: () => void };

/** Rounds of the event loop after which work on an in-memory store has come to rest. */
const restRounds = 40;

/** A clock that starts at `startMs`. */
export function manualClock(startMs: number): ManualClock {
  let nowMs = startMs;
  const sleepers = new Set<Sleeper>();
  return {
    nowMs: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error);
        const end = (): void => {
          sleepers.delete(sleeper);
          signal.removeEventListener("abort", onAbort);
        };
        const onAbort = (): void => {
          end();
          reject(signal.reason as Error);
        };
        const sleeper: Sleeper = {
          untilMs: nowMs + ms,
          wake: () => {
            end();
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal.addEventListener("abort", onAbort);
      }),
    async advance(ms) {
      const endMs = nowMs + ms;
      for (;;) {
        for (let round = 0; round < restRounds; round++) await rest();
        const next = [...sleepers].filter((one) => one.untilMs <= endMs)
          .sort((a, b) => a.untilMs - b.untilMs)[0];
        if (next === undefined) break;
        nowMs = Math.max(nowMs, next.untilMs);
        next.wake();
      }
      nowMs = Math.max(nowMs, endMs);
    },
  };
}

const rest = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
