import {
  type BinaryOptions,
  type EndedProcess,
  type RunningBinary,
  startBinary,
} from "../support/run-binary.ts";

export type Input = {
  /** Fed one after another, each a flush. */
  readonly pieces: readonly string[];
  /** Null: the records carry their own positions. */
  readonly sourceId: string | null;
};

/** Checkpoints are steps as well, so they come often. */
const flags = ["--property", "delta.checkpointInterval=2"];

/**
 * Feeds the binary one piece after the other, each once the one before it was flushed, and ends its
 * input then. So the same pieces always make the same commits.
 */
export function startPacedRun(
  basePath: string,
  { pieces, sourceId }: Input,
  options: BinaryOptions = {},
): RunningBinary {
  let next = 0;
  const feed = (): void => {
    const piece = pieces[next++];
    if (piece === undefined) running.endInput();
    else running.feed(piece);
  };
  const args = ["run", "--source", "-", "--base-path", basePath, ...flags];
  const pace = ["--flush-rows", "1", "--workers", "1", "--log-level", "debug"];
  const id = sourceId === null ? [] : ["--source-id", sourceId];
  const running = startBinary([...args, ...pace, ...id], {
    ...options,
    hasInput: true,
    onLog(entry) {
      options.onLog?.(entry);
      if (entry.event === "flushed") feed();
    },
  });
  feed();
  return running;
}

/** True when the run was killed, false when it came to its end; anything else is an error. */
export function wasKilled({ status, signal, stderr }: EndedProcess): boolean {
  // A tracer ends by the signal of what it traced, or tells it as a shell does.
  if (signal === "SIGKILL" || status === 137) return true;
  if (status === 0) return false;
  throw new Error(`the run ended with ${status ?? signal}:\n${stderr}`);
}
