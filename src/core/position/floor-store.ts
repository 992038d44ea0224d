import { Buffer } from "node:buffer";
import type { ObjectStore } from "../../delta/storage/object-store.ts";
import { CdcDeltaError } from "../../errors.ts";
import { forEachParallel } from "../../parallel.ts";
import { type PositionOwner, type Transactions, watermarkOf } from "./watermark.ts";

/** A table and a file's watermark in it. A table made anew has a lower one, or none. */
export type FloorTable = { readonly key: string; readonly offset: bigint };

/** How far a file was read and committed, and what it looked like there. */
export type FileFloor = {
  /** Hash of the first record, as in `LinePosition`. */
  readonly identity: string;
  /** Byte offset behind the last committed record. */
  readonly nextOffset: bigint;
  /** 16 hex digits: hash of the line before `nextOffset`. */
  readonly lastLineHash: string;
  /** The tables that hold rows of what is below, each with the file's watermark in it. */
  readonly tables: readonly FloorTable[];
};

/**
 * Remembers floors of files between runs. A cache: without it a file is read from its start again
 * and the watermarks in the tables drop what is there.
 */
export type FloorStore = {
  load(lane: string, options: { readonly signal: AbortSignal }): Promise<FileFloor | null>;
  save(
    lane: string,
    floor: FileFloor,
    options: { readonly signal: AbortSignal },
  ): Promise<void>;
};

export type FloorStoreOptions = {
  readonly owner: PositionOwner;
  /** The `txn` actions of a table by its key; null: there is no table. */
  readonly transactionsOf: (
    key: string,
    options: { readonly signal: AbortSignal },
  ) => Promise<Transactions | null>;
};

/** Tables that are looked at together before a floor is relied on. */
const tablesParallelMax = 8;

/**
 * Floors as small JSON objects below `_cdcdelta/floors/` of the base path. A floor is none when one
 * of its tables was deleted or restored since: a watermark there is below the one that the floor
 * was taken with, and the rows between have to be read again.
 */
export function objectFloorStore(
  store: ObjectStore,
  { owner, transactionsOf }: FloorStoreOptions,
): FloorStore {
  const keyOf = (lane: string): string =>
    `_cdcdelta/floors/${encodeName(owner.pipelineId)}/${encodeName(lane)}.json`;
  // Files of a folder share tables; what a table held when the first of them was met is enough.
  const seen = new Map<string, Transactions | null>();
  const stands = async (
    table: FloorTable,
    identity: string,
    options: { readonly signal: AbortSignal },
  ): Promise<boolean> => {
    const known = seen.get(table.key);
    const transactions = known === undefined ? await transactionsOf(table.key, options) : known;
    seen.set(table.key, transactions);
    if (transactions === null) return false;
    const watermark = watermarkOf(transactions, owner, { topic: "", partition: 0, identity });
    return watermark !== null && watermark.offset >= table.offset;
  };
  return {
    async load(lane, options) {
      const floor = await readFloor(store, keyOf(lane), options);
      if (floor === null) return null;
      let all = true;
      await forEachParallel(floor.tables, tablesParallelMax, async (table) => {
        if (all) all = await stands(table, floor.identity, options) && all;
      });
      return all ? floor : null;
    },
    async save(lane, floor, options) {
      for (const { key } of floor.tables) seen.delete(key);
      const { nextOffset, tables, ...rest } = floor;
      const text = JSON.stringify({
        ...rest,
        nextOffset: String(nextOffset),
        tables: tables.map(({ key, offset }) => ({ key, offset: String(offset) })),
      });
      await store.put(keyOf(lane), [new Uint8Array(Buffer.from(text))], options);
    },
  };
}

async function readFloor(
  store: ObjectStore,
  key: string,
  options: { readonly signal: AbortSignal },
): Promise<FileFloor | null> {
  try {
    return parseFloor(await store.get(key, options));
  } catch (error) {
    if (error instanceof CdcDeltaError && error.code === "not-found") return null;
    throw error;
  }
}

/** A name as one path segment: percent-encoded, dots too, so that it cannot climb. */
function encodeName(name: string): string {
  return encodeURIComponent(name).replaceAll(".", "%2E");
}

/** Null for anything that is not a floor: it is only a cache. */
function parseFloor(bytes: Uint8Array): FileFloor | null {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { identity, nextOffset, lastLineHash, tables } = value as Record<string, unknown>;
  if (typeof identity !== "string" || typeof lastLineHash !== "string") return null;
  if (typeof nextOffset !== "string" || !/^\d+$/.test(nextOffset)) return null;
  if (!Array.isArray(tables)) return null;
  const parsed = tables.map(parseTable);
  const known = parsed.filter((table) => table !== null);
  if (known.length < parsed.length) return null;
  return { identity, nextOffset: BigInt(nextOffset), lastLineHash, tables: known };
}

function parseTable(value: unknown): FloorTable | null {
  if (typeof value !== "object" || value === null) return null;
  const { key, offset } = value as Record<string, unknown>;
  if (typeof key !== "string" || typeof offset !== "string" || !/^\d+$/.test(offset)) return null;
  return { key, offset: BigInt(offset) };
}
