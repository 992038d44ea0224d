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

/** In a resumed run, a piece of which nothing is heard for so long lies below the floor. */
const silenceMs = 150;

/**
 * Feeds the binary one piece after the other, each once the one before it was flushed, and ends its
 * input then. So the same pieces make the same commits in each first run. A resumed run passes over
 * pieces below its floor without a word, so there silence counts as well; if a slow machine makes
 * one flush of two pieces then, the tables have to be the same all the same.
 */
export function startPacedRun(
  basePath: string,
  { pieces, sourceId }: Input,
  { isResumed, ...options }: BinaryOptions & { readonly isResumed: boolean },
): RunningBinary {
  let next = 0;
  let silence: ReturnType<typeof setTimeout> | undefined;
  const feed = (): void => {
    clearTimeout(silence);
    const piece = pieces[next++];
    if (piece === undefined) return running.endInput();
    running.feed(piece);
    if (isResumed && next > 1) silence = setTimeout(feed, silenceMs);
  };
  const args = ["run", "--source", "-", "--base-path", basePath, ...flags];
  const pace = ["--flush-rows", "1", "--workers", "1", "--log-level", "debug"];
  const id = sourceId === null ? [] : ["--source-id", sourceId];
  const running = startBinary([...args, ...pace, ...id], {
    ...options,
    hasInput: true,
    onLog({ event }) {
      clearTimeout(silence);
      if (event === "flushed") feed();
      else if (event === "started" && isResumed) silence = setTimeout(feed, 2 * silenceMs);
    },
  });
  void running.ended.finally(() => clearTimeout(silence)).catch(() => {});
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
