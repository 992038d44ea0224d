import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import process from "node:process";
import type { Readable } from "node:stream";
import type { Clock } from "../../delta/engine.ts";
import { CdcDeltaError } from "../../errors.ts";
import { decompressingReader } from "./decompress.ts";
import { folderFiles } from "./folder-files.ts";
import { type LineLane, lineLane } from "./line-lane.ts";
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
 * order of `folderFiles`. Reading always starts at the beginning: what the tables hold already is
 * recognised by position.
 *
 * Errors of `events`: `not-found` (also a folder without files), `permission`, `source`, `usage`
 * (see `lineLane`), `source-replaced` (see `regularFileReader`).
 */
export function fileSource(options: FileSourceOptions): Source {
  const limits = { ...defaultSourceLimits, ...options.limits };
  const lanes = new Map<string, LineLane>();
  let bytesTotal: number | null = null;

  function fileLane(path: string, topic: string): LineLane {
    const { follow, clock } = options;
    const { continuityBytes } = limits;
    const reader = decompressingReader(regularFileReader({ path, follow, continuityBytes }), path);
    return lineLane({ topic, path, reader, clock, limits });
  }

  function pipeLane(stream: Readable, path: string): LineLane {
    const { clock, sourceId } = options;
    const reader = decompressingReader(streamReader(stream, path, clock), path);
    return lineLane({ topic: sourceId, path, reader, clock, limits });
  }

  async function* events(signal: AbortSignal): AsyncGenerator<SourceEvent> {
    if (options.path === "-") {
      yield* readPipe(options.stdin ?? process.stdin, "standard input", signal);
      return;
    }
    const kind = await kindOf(options.path);
    switch (kind) {
      case "folder":
        yield* readFiles(listFolder, signal);
        return;
      case "file":
        yield* readFiles(listFile, signal);
        return;
      case "pipe":
        yield* readPipe(createReadStream(options.path), options.path, signal);
        return;
    }
  }

  async function* readPipe(
    stream: Readable,
    path: string,
    signal: AbortSignal,
  ): AsyncGenerator<SourceEvent> {
    const lane = pipeLane(stream, path);
    lanes.set(lane.lane, lane);
    while (!signal.aborted) {
      const step = await lane.next({ signal });
      if (signal.aborted && step.kind === "idle") break;
      yield step.kind === "end"
        ? { kind: "lane-end", lane: lane.lane }
        : step.kind === "idle"
        ? step
        : { ...step, lane: lane.lane };
      if (step.kind === "end") return;
    }
    // What was taken from a pipe cannot be read again, so it is not left behind.
    const batch = lane.rest();
    if (batch !== null) yield { kind: "records", lane: lane.lane, batch };
  }

  async function listFile(): Promise<LineLane[]> {
    const { path, sourceId } = options;
    const topic = sourceId ?? basename(path);
    bytesTotal = (await stat(path).catch(() => null))?.size ?? bytesTotal;
    const lane = lanes.get(topic) ?? fileLane(path, topic);
    lanes.set(topic, lane);
    return [lane];
  }

  async function listFolder(): Promise<LineLane[]> {
    const files = await folderFiles(options.path);
    if (files.length === 0 && !options.follow) {
      throw new CdcDeltaError(
        "not-found",
        `Cannot read "${options.path}": there are no files in the folder (names that start with ` +
          `"." or "_" do not count). Check the path after --source, or wait with --follow.`,
        { context: { path: options.path } },
      );
    }
    bytesTotal = files.reduce((sum, file) => sum + file.size, 0);
    return files.map((file) => {
      const topic = options.sourceId === null ? file.name : `${options.sourceId}/${file.name}`;
      const lane = lanes.get(topic) ?? fileLane(file.path, topic);
      lanes.set(topic, lane);
      return lane;
    });
  }

  async function* readFiles(
    list: () => Promise<LineLane[]>,
    signal: AbortSignal,
  ): AsyncGenerator<SourceEvent> {
    while (!signal.aborted) {
      for (const lane of await list()) {
        yield* readFile(lane, signal);
        if (signal.aborted) return;
      }
      if (!options.follow) return;
      yield { kind: "idle" };
      await options.clock.sleep(limits.pollMs, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  async function* readFile(lane: LineLane, signal: AbortSignal): AsyncGenerator<SourceEvent> {
    while (!signal.aborted) {
      const step = await lane.next({ signal });
      if (step.kind === "idle") return;
      if (step.kind === "end") {
        yield { kind: "lane-end", lane: lane.lane };
        return;
      }
      yield { ...step, lane: lane.lane };
    }
  }

  async function close(): Promise<void> {
    for (const lane of lanes.values()) await lane.close();
  }

  return {
    description: options.path === "-" ? "standard input" : options.path,
    events: ({ signal }) => events(signal),
    // Positions live in the tables alone; a file is read from its start again.
    commitFloors: () => Promise.resolve(),
    progress() {
      let bytesRead = 0;
      for (const lane of lanes.values()) bytesRead += lane.bytesRead();
      return { bytesRead, bytesTotal };
    },
    close,
  };
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
