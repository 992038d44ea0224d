import { type BinaryOptions, type RunningBinary, startBinary } from "../support/run-binary.ts";

export type PacedOptions = BinaryOptions & {
  readonly basePath: string;
  readonly pieces: readonly string[];
  /** Null: the records carry their own positions. */
  readonly sourceId: string | null;
  readonly flags?: readonly string[];
};

/**
 * Feeds the binary one piece after the other, each once the one before it was flushed, and ends its
 * input then. So the same pieces always make the same commits.
 */
export function startPacedRun(options: PacedOptions): RunningBinary {
  const { basePath, pieces, sourceId, flags = [], ...rest } = options;
  let next = 0;
  const feed = (): void => {
    const piece = pieces[next++];
    if (piece === undefined) running.endInput();
    else running.feed(piece);
  };
  const args = ["run", "--source", "-", "--base-path", basePath];
  const pace = ["--flush-rows", "1", "--workers", "1", "--log-level", "debug"];
  const id = sourceId === null ? [] : ["--source-id", sourceId];
  const running = startBinary([...args, ...pace, ...id, ...flags], {
    ...rest,
    hasInput: true,
    onLog(entry) {
      rest.onLog?.(entry);
      if (entry.event === "flushed") feed();
    },
  });
  feed();
  return running;
}
