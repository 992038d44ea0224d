import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { CdcDeltaError } from "../../errors.ts";
import { forEachParallel } from "../../parallel.ts";
import type { LineBatch } from "../event/record-batch.ts";
import type { FileFloor, FloorStore } from "../position/floor-store.ts";
import { carriesOwnPosition } from "./own-position.ts";
import type { Lane, Source, SourceEvent } from "./source.ts";

/**
 * Lets a file source go on where the last run ended: what lies before the floor is read past, not
 * decoded, and the file has to prove that it is the one the floor was taken from. Inputs whose
 * records carry their own positions (kcat) pass as they are.
 *
 * Errors of `events`: `source-replaced` when the first record or the one before the floor is another
 * one, or the file ends before the floor; `source` when two files start with the same record.
 */
export function rememberFloors(source: Source, floors: FloorStore): Source {
  const lanes = new Map<Lane, LaneFloor>();
  return {
    description: source.description,
    progress: () => source.progress(),
    lanes: () => source.lanes(),
    release: (batches) => source.release(batches),
    close: () => source.close(),
    async *events({ signal }) {
      lanes.clear();
      for await (const event of source.events({ signal })) {
        const passed = await pass(lanes, floors, event);
        if (passed !== null) yield passed;
      }
    },
    async commitFloors(committed, options) {
      await forEachParallel(committed, savesParallelMax, async ({ lane, nextOffset, tables }) => {
        const known = lanes.get(lane);
        const lastLineHash = known?.hashes.get(nextOffset);
        if (known === undefined || lastLineHash === undefined) return;
        for (const { key, offset } of tables) known.tables.set(key, offset);
        const { identity } = known;
        const all = [...known.tables].map(([key, offset]) => ({ key, offset }));
        await floors.save(lane, { identity, nextOffset, lastLineHash, tables: all }, options);
        for (const end of known.hashes.keys()) if (end < nextOffset) known.hashes.delete(end);
      });
    },
  };
}

/** Floors of a folder's files that are saved at the same time. */
const savesParallelMax = 8;

type LaneFloor = {
  readonly identity: string;
  /** What is still ahead of us; null once passed, or when there was none. */
  floor: FileFloor | null;
  /** End of a batch → hash of its last line, for those not yet committed. */
  readonly hashes: Map<bigint, string>;
  /** Tables that hold rows of it → its watermark there. */
  readonly tables: Map<string, bigint>;
};

/**
 * Floors are looked up even when reading was told to stop: what a pipe gave by then cannot be read
 * again, so it is still handed over.
 */
const unhurried: { readonly signal: AbortSignal } = { signal: new AbortController().signal };

async function pass(
  lanes: Map<Lane, LaneFloor>,
  floors: FloorStore,
  event: SourceEvent,
): Promise<SourceEvent | null> {
  if (event.kind === "lane-end") {
    const floor = lanes.has(event.lane)
      ? lanes.get(event.lane)!.floor
      : await floors.load(event.lane, unhurried);
    if (floor !== null) throw replaced(event.lane, "it ends before the place reached last time");
    return event;
  }
  if (event.kind !== "records") return event;
  const { lane, batch } = event;
  if (batch.framing !== "lines") return event;
  let known = lanes.get(lane);
  if (known === undefined) {
    known = await meetLane(lane, batch, floors);
    refuseTwin(lanes, lane, known.identity);
    lanes.set(lane, known);
  }
  if (known.identity === "") return event;
  const rest = known.floor === null ? batch : passFloor(lane, batch, known);
  if (rest === null) return null;
  known.hashes.set(endOf(rest), lineHash(rest.bytes, rest.bytes.length));
  return { kind: "records", lane, batch: rest };
}

async function meetLane(
  lane: Lane,
  batch: LineBatch,
  floors: FloorStore,
): Promise<LaneFloor> {
  const { identity } = batch.position;
  const end = batch.bytes.indexOf(newline);
  const firstLine = end < 0 ? batch.bytes : batch.bytes.subarray(0, end);
  if (identity === "" || carriesOwnPosition(firstLine)) {
    return { identity: "", floor: null, hashes: new Map(), tables: new Map() };
  }
  const floor = await floors.load(lane, unhurried);
  if (floor !== null && floor.identity !== identity) {
    throw replaced(lane, "its first record is another one");
  }
  const tables = new Map(floor?.tables.map(({ key, offset }) => [key, offset]));
  return { identity, floor, hashes: new Map(), tables };
}

/** A file is recognised by its first record, so that two of one run must not share it. */
function refuseTwin(lanes: ReadonlyMap<Lane, LaneFloor>, lane: Lane, identity: string): void {
  const twin = [...lanes].find(([, known]) => identity !== "" && known.identity === identity);
  if (twin === undefined) return;
  throw new CdcDeltaError(
    "source",
    `Cannot read "${lane}" beside "${twin[0]}": both start with the same record, and a file is ` +
      `recognised by it. Take the one away that is a copy of the other, or was it before`,
    { context: { source: lane, twin: twin[0] } },
  );
}

/** What of a batch lies behind the floor; null: nothing. */
function passFloor(lane: Lane, batch: LineBatch, known: LaneFloor): LineBatch | null {
  const floor = known.floor!;
  const { baseOffset } = batch.position;
  if (endOf(batch) < floor.nextOffset) return null;
  const at = Number(floor.nextOffset - baseOffset);
  // The floor is the end of a line; one that had no newline yet must not have become a longer one.
  const grown = at < batch.bytes.length && batch.bytes[at - 1] !== newline &&
    batch.bytes[at] !== newline && batch.bytes[at] !== carriageReturn;
  if (at <= 0 || grown || lineHash(batch.bytes, at) !== floor.lastLineHash) {
    throw replaced(lane, "the last record read is another one now");
  }
  known.floor = null;
  known.hashes.set(floor.nextOffset, floor.lastLineHash);
  if (at === batch.bytes.length) return null;
  return {
    ...batch,
    bytes: batch.bytes.subarray(at),
    position: { ...batch.position, baseOffset: floor.nextOffset },
  };
}

const newline = 10;
const carriageReturn = 13;

const endOf = (batch: LineBatch): bigint => batch.position.baseOffset + BigInt(batch.bytes.length);

/** Hash of the line that ends at `end`, its newline left out. */
function lineHash(bytes: Uint8Array, end: number): string {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stop = end > 0 && view[end - 1] === newline ? end - 1 : end;
  const start = stop === 0 ? 0 : view.lastIndexOf(newline, stop - 1) + 1;
  return createHash("sha256").update(view.subarray(start, stop)).digest("hex").slice(0, 16);
}

function replaced(lane: Lane, why: string): CdcDeltaError {
  return new CdcDeltaError(
    "source-replaced",
    `Cannot continue "${lane}": ${why}, so the input was replaced, truncated or edited. Restore the ` +
      `original, or feed the new one under another name (--source-id)`,
    { context: { source: lane } },
  );
}
