import type { Clock } from "../../delta/engine.ts";
import { CdcDeltaError } from "../../errors.ts";
import type { RecordBatch } from "../event/record-batch.ts";
import type { ByteReader } from "./byte-reader.ts";
import { byteOrderMarkLength, firstRecord, streamIdentity } from "./first-record.ts";
import { type CutLines, lineBatcher } from "./line-batcher.ts";
import { carriesOwnPosition } from "./own-position.ts";
import type { Lane } from "./source.ts";
import type { SourceLimits } from "./source-limits.ts";

export type LaneStep =
  | { readonly kind: "records"; readonly batch: RecordBatch }
  | { readonly kind: "idle" }
  | { readonly kind: "end" };

/** One stream of lines: a file, or standard input. */
export type LineLane = {
  readonly lane: Lane;
  /** The next batch; `idle` when nothing is ready, `end` when nothing will come. */
  next(options: { readonly signal: AbortSignal }): Promise<LaneStep>;
  /** Whole lines that were read but not handed over. */
  rest(): RecordBatch | null;
  bytesRead(): number;
  close(): Promise<void>;
};

export type LineLaneOptions = {
  /** Names the lane and stands for the topic; null: records must carry their own positions. */
  readonly topic: string | null;
  /** For messages. */
  readonly path: string;
  readonly reader: ByteReader;
  readonly clock: Clock;
  readonly limits: SourceLimits;
};

/** Lane and topic of an input without a name of its own. */
export const unnamedTopic = "-";

/**
 * Cuts what `reader` gives into batches at line ends. Offsets are byte offsets in the decompressed
 * stream, a byte order mark included, which itself is left out. Blank lines before the first record
 * are left out as well. A last line without a newline is handed over at the end of the input.
 *
 * Errors: `source` for a line beyond `lineBytesMax`, `usage` for an unnamed input whose first
 * record has no position, and those of the reader.
 */
export function lineLane(options: LineLaneOptions): LineLane {
  const { topic, path, reader, clock, limits } = options;
  const batcher = lineBatcher(limits);
  let identity: string | null = null;
  let ended = false;
  let quiet = false;
  let waitingSinceMs: number | null = null;

  function identify(line: Uint8Array): string {
    if (topic !== null) return streamIdentity(line);
    if (carriesOwnPosition(line)) return "";
    throw new CdcDeltaError(
      "usage",
      `Cannot tell where in ${path} a record stands: its records carry no topic, partition and ` +
        `offset. Give the input a name with --source-id, or pipe what kcat -J prints.`,
      { context: { path } },
    );
  }

  function batchOf(lines: CutLines): RecordBatch | null {
    let { bytes, offset } = lines;
    if (offset === 0) {
      offset = byteOrderMarkLength(bytes);
      bytes = bytes.subarray(offset);
    }
    if (identity === null) {
      const first = firstRecord(bytes);
      if (first === null) return null;
      identity = identify(first.line);
      bytes = bytes.subarray(first.at);
      offset += first.at;
    }
    return {
      framing: "lines",
      bytes,
      position: {
        topic: topic ?? unnamedTopic,
        partition: 0,
        baseOffset: BigInt(offset),
        identity,
      },
    };
  }

  function take(final: boolean): RecordBatch | null {
    waitingSinceMs = null;
    const lines = batcher.take({ final });
    return lines === null ? null : batchOf(lines);
  }

  function isDue(): boolean {
    if (!batcher.hasLines()) return false;
    return batcher.full() ||
      (waitingSinceMs !== null && clock.nowMs() - waitingSinceMs >= limits.lingerMs);
  }

  function space(): Uint8Array {
    const free = batcher.space();
    if (free !== null) return free;
    const offset = batcher.offset();
    throw new CdcDeltaError(
      "source",
      `Cannot read "${path}": the line at byte offset ${offset} is longer than ` +
        `${limits.lineBytesMax} bytes. Is the input NDJSON, one record a line?`,
      { context: { path, offset } },
    );
  }

  return {
    lane: topic ?? unnamedTopic,
    async next({ signal }) {
      while (!ended) {
        if (isDue()) {
          const batch = take(false);
          if (batch !== null) return { kind: "records", batch };
        }
        const waitMs = quiet && !batcher.hasLines() ? limits.pollMs : limits.lingerMs;
        const outcome = await reader.read(space(), { waitMs, signal });
        if (outcome === "end") {
          ended = true;
          const batch = take(true);
          batcher.shrink();
          if (batch !== null) return { kind: "records", batch };
        } else if (outcome === "idle") {
          const batch = take(false);
          batcher.shrink();
          quiet = batch === null;
          return batch === null ? { kind: "idle" } : { kind: "records", batch };
        } else {
          quiet = false;
          batcher.filled(outcome);
          waitingSinceMs ??= clock.nowMs();
        }
      }
      return { kind: "end" };
    },
    rest: () => take(false),
    bytesRead: () => reader.bytesRead(),
    close: () => reader.close(),
  };
}
