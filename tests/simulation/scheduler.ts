import type { Clock } from "../../src/delta/engine.ts";
import type { SeededRandom } from "./seeded-random.ts";

/**
 * Virtual time: everything that waits in the simulation waits here, and the seed decides who goes
 * on first. A process (one life of a pump) can be killed at any of its waits, or frozen for a while.
 */
export type Scheduler = {
  nowMs(): number;
  /** Runs `effect` after a delay and gives its result to the process, if that still lives then. */
  wait<T>(process: Process, delayMs: number, effect: () => T | Promise<T>): Promise<T>;
  clock(process: Process): Clock;
  /** Runs until `done` says so. Throws when nothing is left to run, or too much happened. */
  run(done: () => boolean, onStep: () => void): Promise<void>;
  readonly steps: () => number;
};

/** One life of a program. A dead one never hears of its waits again. */
export type Process = { readonly name: string; alive: boolean; frozenUntilMs: number };

type Entry = {
  atMs: number;
  readonly tie: number;
  readonly process: Process;
  /** What a request does to the world: it may do so even if its sender is dead by then. */
  readonly effect: (() => unknown) | null;
  run(): void;
};

const stepsMax = 200_000;

export function createScheduler(random: SeededRandom): Scheduler {
  let now = 1_760_000_000_000;
  let steps = 0;
  const queue: Entry[] = [];
  const push = (
    process: Process,
    delayMs: number,
    run: () => void,
    effect: Entry["effect"] = null,
  ): Entry => {
    const entry = { atMs: now + delayMs, tie: random.next(), process, effect, run };
    queue.push(entry);
    return entry;
  };
  const wait: Scheduler["wait"] = (process, delayMs, effect) =>
    new Promise((resolve, reject) => {
      push(process, delayMs, () => {
        Promise.resolve().then(effect).then(
          (value) => process.alive && resolve(value),
          (error: unknown) => process.alive && reject(error),
        );
      }, effect);
    });
  return {
    nowMs: () => now,
    steps: () => steps,
    wait,
    clock: (process) => ({
      nowMs: () => now,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          const end = (): void => {
            const index = queue.indexOf(entry);
            if (index >= 0) queue.splice(index, 1);
            if (process.alive) reject(signal.reason);
          };
          const entry = push(process, ms, () => {
            signal.removeEventListener("abort", end);
            if (process.alive) resolve();
          });
          if (signal.aborted) end();
          else signal.addEventListener("abort", end, { once: true });
        }),
    }),
    async run(done, onStep) {
      for (;;) {
        await settle();
        if (done()) return;
        onStep();
        if (done()) return;
        const entry = takeNext(queue);
        if (entry === null) throw new Error("The simulation hangs: nobody waits for anything");
        now = Math.max(now, entry.atMs);
        if (++steps > stepsMax) throw new Error(`The simulation does not end in ${stepsMax} steps`);
        if (entry.process.alive) entry.run();
        else if (random.chance(0.5)) await Promise.resolve(entry.effect?.()).catch(() => undefined);
      }
    },
  };
}

/** Lets every promise that can go on go on. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * The next entry by time; those of frozen processes wait until they wake up. Of the dead only
 * requests that are on their way are left.
 */
function takeNext(queue: Entry[]): Entry | null {
  let best = -1;
  for (let index = queue.length - 1; index >= 0; index--) {
    const entry = queue[index]!;
    if (!entry.process.alive && entry.effect === null) {
      queue.splice(index, 1);
      if (best > index) best -= 1;
      continue;
    }
    entry.atMs = Math.max(entry.atMs, entry.process.frozenUntilMs);
    const other = queue[best];
    if (
      other === undefined || entry.atMs < other.atMs ||
      (entry.atMs === other.atMs && entry.tie < other.tie)
    ) best = index;
  }
  return best < 0 ? null : queue.splice(best, 1)[0]!;
}
