import { Buffer } from "node:buffer";
import type { Random } from "../../delta/engine.ts";
import type { ObjectStore } from "../../delta/storage/object-store.ts";
import { CdcDeltaError } from "../../errors.ts";
import { forEachParallel } from "../../parallel.ts";
import type { PartitionId } from "../encode/encode-job.ts";
import { partitionName } from "./watermark.ts";

/**
 * What a replay is about to take out of tables, of one partition: whoever reads the partition next
 * reads it from there, whatever floor it finds. Floors alone would not do: a sink that runs between
 * their lowering and the commits to the tables raises them again, and its mark need not name all
 * tables.
 */
export type ReplayNote = PartitionId & {
  /** Where reading again begins. */
  readonly from: bigint;
  readonly tables: readonly NotedTable[];
};

export type NotedTable = {
  /** Where it lies, as `ReplayNotesOptions.engineOf` reads it. */
  readonly place: string;
  /** The version that the replay follows: a later one, and it can no longer change the table. */
  readonly follows: number;
  /** The table's watermark before: everything up to it is read again. */
  readonly was: bigint;
};

/** Where notes lie, and whose they are. */
export type NotePlace = {
  /** The base path. */
  readonly store: ObjectStore;
  readonly pipelineId: string;
};

type IoOptions = { readonly signal: AbortSignal };

/** Notes that are written together. */
const writesParallelMax = 8;

/** Writes notes, before anything else of a replay is done. Errors: the store's. */
export async function writeReplayNotes(
  { store, pipelineId }: NotePlace,
  notes: readonly ReplayNote[],
  { random, signal }: { readonly random: Random } & IoOptions,
): Promise<void> {
  await forEachParallel(notes, writesParallelMax, async (note) => {
    const key = `${noteFolder(pipelineId, note)}${random.uuid()}.json`;
    await store.put(key, [new Uint8Array(Buffer.from(noteText(note)))], { signal });
  });
}

/** The folder of all notes of a pipeline. Pure. */
export function notesFolder(pipelineId: string): string {
  return `_cdcdelta/replays/${encodeName(pipelineId)}/`;
}

/** The folder of those of one partition. Pure. */
export function noteFolder(pipelineId: string, partition: PartitionId): string {
  return `${notesFolder(pipelineId)}${encodeName(partitionName(partition))}/`;
}

/** A name as one path segment: dots are encoded too, so that it cannot climb. */
function encodeName(name: string): string {
  return encodeURIComponent(name).replaceAll(".", "%2E");
}

function noteText({ topic, partition, from, tables }: ReplayNote): string {
  const listed = tables.map(({ was, ...table }) => ({ ...table, was: String(was) }));
  return JSON.stringify({ topic, partition, from: String(from), tables: listed });
}

/**
 * Null: it was deleted meanwhile. Errors: the store's; `conflict` for what cannot be read, since rows
 * may hang on it.
 */
export async function readNote(
  store: ObjectStore,
  key: string,
  partition: PartitionId,
  { signal }: IoOptions,
): Promise<ReplayNote | null> {
  let text: string;
  try {
    text = Buffer.from(await store.get(key, { signal })).toString("utf8");
  } catch (error) {
    if (error instanceof CdcDeltaError && error.code === "not-found") return null;
    throw error;
  }
  const note = parseNote(text, partition);
  if (note !== null) return note;
  throw new CdcDeltaError(
    "conflict",
    `Cannot read "${partition.topic}": the note of a replay at ${store.uri}/${key} is not one of ` +
      "this version of cdcdelta. Run the version that made it, or, when no rows are missing, " +
      "delete the note",
    { context: { store: store.uri, key } },
  );
}

function parseNote(text: string, partition: PartitionId): ReplayNote | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { from, tables } = value as Record<string, unknown>;
  if (!isOffset(from) || !Array.isArray(tables)) return null;
  const parsed = tables.map(parseTable);
  const known = parsed.filter((table) => table !== null);
  if (known.length < parsed.length) return null;
  return { ...partition, from: BigInt(from), tables: known };
}

function parseTable(value: unknown): NotedTable | null {
  if (typeof value !== "object" || value === null) return null;
  const { place, follows, was } = value as Record<string, unknown>;
  if (typeof place !== "string" || typeof follows !== "number" || !isOffset(was)) return null;
  return { place, follows, was: BigInt(was) };
}

function isOffset(value: unknown): value is string {
  return typeof value === "string" && /^\d{1,19}$/.test(value);
}
