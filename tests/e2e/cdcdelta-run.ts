import process from "node:process";
import { type LogEntry, type RunningBinary, startBinary } from "../support/run-binary.ts";
import { untilRight } from "./until.ts";

/** `cdcdelta run` at work. */
export type CdcdeltaRun = {
  readonly pid: number;
  readonly ended: RunningBinary["ended"];
  /** What it has logged so far. */
  log(): readonly LogEntry[];
  /** Waits until it has logged an event, `count` times in all. */
  logged(event: string, count?: number): Promise<void>;
  /** SIGTERM; throws unless it commits and exits 0. */
  stop(): Promise<void>;
  /** `kill -9`, and waits until it is gone. */
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
};

const running = new Set<CdcdeltaRun>();

/** Starts it; `name` is for messages. */
export function startRun(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): CdcdeltaRun {
  const entries: LogEntry[] = [];
  const binary = startBinary(["run", ...args], {
    env,
    timeoutMs: 600_000,
    onLog: (entry) => void entries.push(entry),
  });
  let isOver = false;
  const ended = binary.ended.finally(() => {
    isOver = true;
    running.delete(run);
  });
  ended.catch(() => {});
  const run: CdcdeltaRun = {
    pid: binary.pid,
    ended,
    log: () => entries,
    async logged(event, count = 1) {
      await untilRight(`${name}: ${event}`, async () => {
        if (entries.filter((entry) => entry.event === event).length >= count) return null;
        if (isOver) throw new Error(`it ended: ${(await ended).stderr}`);
        return `only ${entries.map((entry) => entry.event).join(" ")}`;
      });
    },
    async stop() {
      binary.kill("SIGTERM");
      const { status, signal, stderr } = await ended;
      if (status !== 0) throw new Error(`${name} ended with ${status ?? signal}:\n${stderr}`);
    },
    async kill() {
      binary.kill("SIGKILL");
      await ended;
    },
    freeze: () => void process.kill(binary.pid, "SIGSTOP"),
    thaw: () => void process.kill(binary.pid, "SIGCONT"),
  };
  running.add(run);
  return run;
}

/** Ends what tests that failed have left. */
export async function killAllRuns(): Promise<void> {
  await Promise.all([...running].map((run) => run.kill()));
}
