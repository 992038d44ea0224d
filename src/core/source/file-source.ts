import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import process from "node:process";
import type { Readable } from "node:stream";
import type { Clock } from "../../delta/engine.ts";
import { CdcDeltaError } from "../../errors.ts";
import { type BatchMemory, batchMemory } from "./batch-memory.ts";
import { decompressingReader } from "./decompress.ts";
import { folderFiles } from "./folder-files.ts";
import { type LaneStep, type LineLane, lineLane } from "./line-lane.ts";
import { readError } from "./read-error.ts";
import { regularFileReader } from "./regular-file-reader.ts";
import type { Source, SourceEvent } from "./source.ts";
import { defaultSourceLimits, type SourceLimits } from "./source-limits.ts";
import { streamReader } from "./stream-reader.ts";

export type FileSourceOptions = {
  /** A file, a folder, a FIFO, or `-` for standard input. */
  readonly path: string;
  /** True: the end of what is there is not the end of the input; for files and folders. */
  readonly follow: boolean;
  /**
   * Stands for the topic in positions. Null: a file's base name, or its path relative to the folder;
   * with a folder it is put before that path. Standard input and FIFOs have no name of their own.
   */
  readonly sourceId: string | null;
  readonly clock: Clock;
  /** What `-` reads; null: the standard input of the process. */
  readonly stdin: Readable | null;
  /** Overrides for tests. */
  readonly limits?: Partial<SourceLimits>;
};

/**
 * NDJSON from a file, a folder of files or standard input, plain or compressed by gzip or zstd,
 * which is told by the first bytes. Every file is a lane; files are read one after another, in the
 * order of `folderFiles`. Every call of `events` reads from the beginning: what the tables hold already
 * is recognised by position. A pipe can be read only once.
 *
 * Errors of `events`: `not-found` (also a folder without files), `permission`, `source`, `usage`
 * (see `lineLane`), `source-replaced` (see `regularFileReader`).
 */
export function fileSource(options: FileSourceOptions): Source {
  const limits = { ...defaultSourceLimits, ...options.limits };
  const state: SourceState = {
    options,
    limits,
    memory: batchMemory(limits.batchBytes, limits.spareBatchesMax),
    lanes: new Map(),
    bytesTotal: null,
    pipeRead: false,
  };
  return {
    description: options.path === "-" ? "standard input" : options.path,
    events: ({ signal }) => closing(state, signal),
    // Positions live in the tables alone; a file is read from its start again.
    commitFloors: () => Promise.resolve(),
    progress() {
      let bytesRead = 0;
      for (const lane of state.lanes.values()) bytesRead += lane.bytesRead();
      return { bytesRead, bytesTotal: state.bytesTotal };
    },
    release(batches) {
      for (const { bytes } of batches) state.memory.giveBack(bytes);
    },
    lanes: () => [],
    close: () => closeLanes(state),
  };
}

type SourceState = {
  readonly options: FileSourceOptions;
  readonly limits: SourceLimits;
  readonly memory: BatchMemory;
  /** By name, in the order of their first appearance. */
  readonly lanes: Map<string, LineLane>;
  bytesTotal: number | null;
  /** True: a pipe was opened, which cannot be done twice. */
  pipeRead: boolean;
};

/** From the beginning of the input; leaves no file open, whichever way the consumer ends. */
async function* closing(state: SourceState, signal: AbortSignal): AsyncGenerator<SourceEvent> {
  await closeLanes(state);
  state.lanes.clear();
  try {
    yield* events(state, signal);
  } finally {
    await closeLanes(state);
  }
}

async function closeLanes(state: SourceState): Promise<void> {
  for (const lane of state.lanes.values()) await lane.close();
}

async function* events(state: SourceState, signal: AbortSignal): AsyncGenerator<SourceEvent> {
  const { path, stdin } = state.options;
  if (path === "-") {
    yield* pipeEvents(pipeLane(state, stdin ?? process.stdin, "standard input"), signal);
    return;
  }
  const kind = await kindOf(path);
  switch (kind) {
    case "pipe":
      yield* pipeEvents(pipeLane(state, createReadStream(path), path), signal);
      return;
    case "file":
      yield* fileEvents(state, () => listFile(state), signal);
      return;
    case "folder":
      yield* fileEvents(state, () => listFolder(state), signal);
      return;
  }
}

function pipeLane(state: SourceState, stream: Readable, path: string): LineLane {
  if (state.pipeRead) {
    throw new CdcDeltaError(
      "source",
      `Cannot read ${path} a second time: what a pipe gave is gone. Start cdcdelta again with the ` +
        `same input; what is committed already is recognised.`,
      { context: { path } },
    );
  }
  state.pipeRead = true;
  const { limits, memory } = state;
  const { clock, sourceId } = state.options;
  const reader = decompressingReader(streamReader(stream, path, clock), path);
  const lane = lineLane({
    topic: sourceId,
    path,
    reader,
    clock,
    limits,
    memory,
    leaveCutLine: false,
  });
  state.lanes.set(lane.lane, lane);
  return lane;
}

async function* pipeEvents(lane: LineLane, signal: AbortSignal): AsyncGenerator<SourceEvent> {
  for (;;) {
    // What was taken from a pipe cannot be read again: an aborted signal leaves none of it behind.
    const step = await lane.next({ signal });
    if (signal.aborted && step.kind === "idle") return;
    yield eventOf(lane, step);
    if (step.kind === "end") return;
  }
}

/** Lists again and again when following, since files grow and new ones come. */
async function* fileEvents(
  { options, limits }: SourceState,
  list: () => Promise<LineLane[]>,
  signal: AbortSignal,
): AsyncGenerator<SourceEvent> {
  while (!signal.aborted) {
    for (const lane of await list()) {
      yield* laneEvents(lane, signal);
      if (signal.aborted) return;
    }
    if (!options.follow) return;
    yield { kind: "idle" };
    await options.clock.sleep(limits.pollMs, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}

/** What a file has now. */
async function* laneEvents(lane: LineLane, signal: AbortSignal): AsyncGenerator<SourceEvent> {
  while (!signal.aborted) {
    const step = await lane.next({ signal });
    if (step.kind === "idle") return;
    if (step.kind === "end" && step.cutAt !== null) {
      yield { kind: "cut-line", lane: lane.lane, offset: step.cutAt };
    }
    yield eventOf(lane, step);
    if (step.kind === "end") return;
  }
}

function eventOf(lane: LineLane, step: LaneStep): SourceEvent {
  switch (step.kind) {
    case "records":
      return { kind: "records", lane: lane.lane, batch: step.batch };
    case "idle":
      return { kind: "idle" };
    case "end":
      return { kind: "lane-end", lane: lane.lane };
  }
}

async function listFile(state: SourceState): Promise<LineLane[]> {
  const { path, sourceId } = state.options;
  // A followed file may be away for a moment; its reader waits for it.
  state.bytesTotal = (await stat(path).catch(() => null))?.size ?? state.bytesTotal;
  return [fileLane(state, path, sourceId ?? basename(path))];
}

async function listFolder(state: SourceState): Promise<LineLane[]> {
  const { path, sourceId, follow } = state.options;
  const files = await folderFiles(path);
  if (files.length === 0 && !follow) {
    throw new CdcDeltaError(
      "not-found",
      `Cannot read "${path}": there are no files in the folder (names that start with "." or "_" ` +
        `do not count). Check the path after --source, or wait for files with --follow.`,
      { context: { path } },
    );
  }
  state.bytesTotal = files.reduce((sum, file) => sum + file.size, 0);
  const prefix = sourceId === null ? "" : `${sourceId}/`;
  return files.map((file) => fileLane(state, file.path, prefix + file.name));
}

/** The lane of a file, the same one each time. */
function fileLane(state: SourceState, path: string, topic: string): LineLane {
  const known = state.lanes.get(topic);
  if (known !== undefined) return known;
  const { limits, memory } = state;
  const { follow, clock } = state.options;
  const { continuityBytes } = limits;
  const reader = decompressingReader(regularFileReader({ path, follow, continuityBytes }), path);
  const lane = lineLane({ topic, path, reader, clock, limits, memory, leaveCutLine: true });
  state.lanes.set(topic, lane);
  return lane;
}

async function kindOf(path: string): Promise<"file" | "folder" | "pipe"> {
  try {
    const stats = await stat(path);
    if (stats.isDirectory()) return "folder";
    return stats.isFile() ? "file" : "pipe";
  } catch (error) {
    throw readError(path, error);
  }
}
