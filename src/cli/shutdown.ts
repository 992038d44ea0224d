import { farewellMsMax } from "../limits.ts";
import { exitCodes } from "./exit-codes.ts";
import type { CliWorld, SignalName } from "./world.ts";

/** How a run is told to end. */
export type Shutdown = {
  /** Raised by the first SIGINT or SIGTERM: stop reading, commit what was read. */
  readonly stop: AbortSignal;
  /** Raised when the grace period is over: give up what is not committed. */
  readonly giveUp: AbortSignal;
  /** All is committed: there is nothing more to give up. */
  settled(): void;
  /** Signals have their usual meaning again. */
  release(): void;
};

/** Listens for SIGINT and SIGTERM; a second one ends the process at once. */
export function listenForShutdown(
  world: CliWorld,
  { graceMs, onStopping, onGivenUp }: {
    readonly graceMs: number;
    readonly onStopping: (signal: SignalName) => void;
    readonly onGivenUp: () => void;
  },
): Shutdown {
  const stop = new AbortController();
  const giveUp = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  const after = (ms: number, task: () => void): void => {
    timers.push(setTimeout(task, ms).unref());
  };
  const cancel = (): void => timers.splice(0).forEach((timer) => clearTimeout(timer));
  const off = world.onSignal((signal) => {
    if (stop.signal.aborted) {
      world.exit(signal === "SIGINT" ? exitCodes.interrupted : exitCodes.terminated);
      return;
    }
    onStopping(signal);
    stop.abort();
    after(graceMs, () => {
      onGivenUp();
      giveUp.abort();
      after(farewellMsMax, () => world.exit(exitCodes.gaveUp));
    });
  });
  return {
    stop: stop.signal,
    giveUp: giveUp.signal,
    settled: cancel,
    release() {
      off();
      cancel();
    },
  };
}
