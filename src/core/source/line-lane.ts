import type { Clock } from "../../delta/engine.ts";
import { CdcDeltaError } from "../../errors.ts";
import { skipSpace, skipValue } from "../event/json-scan.ts";
import type { RecordBatch } from "../event/record-batch.ts";
import type { BatchMemory } from "./batch-memory.ts";
import type { ByteReader } from "./byte-reader.ts";
import { byteOrderMarkLength, firstRecord, streamIdentity } from "./first-record.ts";
import { type CutLines, type LineBatcher, lineBatcher } from "./line-batcher.ts";
import { carriesOwnPosition } from "./own-position.ts";
import { unnamedTopic } from "../event/record-batch.ts";
import type { Lane } from "./source.ts";
import type { SourceLimits } from "./source-limits.ts";

export type LaneStep =
  | { readonly kind: "records"; readonly batch: RecordBatch }
  | { readonly kind: "idle" }
  /** `cutAt`: offset of a last line that was left unread, since its end is missing. */
  | { readonly kind: "end"; readonly cutAt: bigint | null };

/** One stream of lines: a file, or standard input. */
export type LineLane = {
  readonly lane: Lane;
  /** The next batch; `idle` when nothing is ready, `end` when nothing will come. */
  next(options: { readonly signal: AbortSignal }): Promise<LaneStep>;
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
  readonly memory: BatchMemory;
  /**
   * True: a last line without its end is left unread; the input may still be written to, and the
   * next run finds the whole of it.
   */
  readonly leaveCutLine: boolean;
};

/**
 * Cuts what `reader` gives into batches at line ends. Offsets are byte offsets in the decompressed
 * stream, a byte order mark included, which itself is left out. Blank lines before the first record
 * are left out as well. A last line without a newline is handed over at the end of the input.
 *
 * Errors: `source` for a line beyond `lineBytesMax`, `usage` for an unnamed input whose first
 * record has no position, and those of the reader.
 */
export function lineLane(options: LineLaneOptions): LineLane {
  const { reader, limits } = options;
  const state: LaneState = {
    options,
    batcher: lineBatcher(limits, options.memory),
    identity: null,
    ended: false,
    quiet: false,
    waitingSinceMs: null,
    cutAt: null,
  };
  return {
    lane: options.topic ?? unnamedTopic,
    async next({ signal }) {
      while (!state.ended) {
        const due = isDue(state) ? take(state, { final: false }) : null;
        if (due !== null) return { kind: "records", batch: due };
        const step = await readOn(state, signal);
        if (step !== null) return step;
      }
      return { kind: "end", cutAt: state.cutAt };
    },
    bytesRead: () => reader.bytesRead(),
    close: () => reader.close(),
  };
}

type LaneState = {
  readonly options: LineLaneOptions;
  readonly batcher: LineBatcher;
  identity: string | null;
  ended: boolean;
  /** True: the last look found nothing. */
  quiet: boolean;
  /** When the first byte after the last batch came. */
  waitingSinceMs: number | null;
  cutAt: bigint | null;
};

/** One read; null when there is nothing to tell yet. */
async function readOn(state: LaneState, signal: AbortSignal): Promise<LaneStep | null> {
  const { batcher, options } = state;
  const { limits, reader, clock } = options;
  const waitMs = state.quiet && !batcher.hasLines() ? limits.pollMs : limits.lingerMs;
  const outcome = await reader.read(freeSpace(state), { waitMs, signal });
  if (outcome !== "end" && outcome !== "idle") {
    state.quiet = false;
    batcher.filled(outcome);
    state.waitingSinceMs ??= clock.nowMs();
    return null;
  }
  state.ended = outcome === "end";
  const isCut = state.ended && options.leaveCutLine && isCutRecord(batcher.tail());
  const batch = take(state, { final: state.ended && !isCut });
  if (isCut) state.cutAt = BigInt(batcher.offset());
  batcher.shrink();
  if (batch !== null) {
    state.quiet = false;
    return { kind: "records", batch };
  }
  state.quiet = true;
  return outcome === "end" ? { kind: "end", cutAt: state.cutAt } : { kind: "idle" };
}

/** True for JSON that begins as a record and does not come to its end. */
function isCutRecord(line: Uint8Array): boolean {
  const start = skipSpace(line, 0);
  if (line[start] !== openBrace) return false;
  try {
    skipValue(line, start);
    return false;
  } catch {
    return true;
  }
}

const openBrace = 0x7b;

function isDue({ batcher, waitingSinceMs, options }: LaneState): boolean {
  if (!batcher.hasLines()) return false;
  return batcher.full() ||
    (waitingSinceMs !== null &&
      options.clock.nowMs() - waitingSinceMs >= options.limits.lingerMs);
}

function freeSpace({ batcher, options }: LaneState): Uint8Array {
  const free = batcher.space();
  if (free !== null) return free;
  const { path, limits } = options;
  const offset = batcher.offset();
  throw new CdcDeltaError(
    "source",
    `Cannot read "${path}": the line at byte offset ${offset} is longer than ` +
      `${limits.lineBytesMax} bytes. Is the input NDJSON, one record a line?`,
    { context: { path, offset } },
  );
}

function take(state: LaneState, options: { readonly final: boolean }): RecordBatch | null {
  state.waitingSinceMs = null;
  const lines = state.batcher.take(options);
  return lines === null ? null : batchOf(state, lines);
}

function batchOf(state: LaneState, lines: CutLines): RecordBatch | null {
  let { bytes, offset } = lines;
  if (offset === 0) {
    offset = byteOrderMarkLength(bytes);
    bytes = bytes.subarray(offset);
  }
  if (state.identity === null) {
    const first = firstRecord(bytes);
    if (first === null) return null;
    state.identity = identityOf(state.options, first.line);
    bytes = bytes.subarray(first.at);
    offset += first.at;
  }
  const topic = state.options.topic ?? unnamedTopic;
  const position = { topic, partition: 0, baseOffset: BigInt(offset), identity: state.identity };
  return { framing: "lines", bytes, position };
}

function identityOf({ topic, path }: LineLaneOptions, firstLine: Uint8Array): string {
  // Lines without a position, cut ones for example, stand at their place in this very stream.
  if (topic !== null || carriesOwnPosition(firstLine)) return streamIdentity(firstLine);
  throw new CdcDeltaError(
    "usage",
    `Cannot tell where in ${path} a record stands: its records carry no topic, partition and ` +
      `offset. Give the input a name with --source-id, or pipe what kcat -J prints.`,
    { context: { path } },
  );
}
