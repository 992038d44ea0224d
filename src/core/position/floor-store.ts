import { Buffer } from "node:buffer";
import type { ObjectStore } from "../../delta/storage/object-store.ts";
import { CdcDeltaError } from "../../errors.ts";

/** How far a file was read and committed, and what it looked like there. */
export type FileFloor = {
  /** Hash of the first record, as in `LinePosition`. */
  readonly identity: string;
  /** Byte offset behind the last committed record. */
  readonly nextOffset: bigint;
  /** 16 hex digits: hash of the line before `nextOffset`. */
  readonly lastLineHash: string;
  /** Keys of the tables that hold what is below. */
  readonly tables: readonly string[];
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
  readonly pipelineId: string;
  /** Whether a table that a floor relies on is still there. */
  readonly tableExists: (
    key: string,
    options: { readonly signal: AbortSignal },
  ) => Promise<boolean>;
};

/**
 * Floors as small JSON objects below `_cdcdelta/floors/` of the base path. A floor whose tables are
 * not all there any more is none: their rows have to be read again.
 */
export function objectFloorStore(
  store: ObjectStore,
  { pipelineId, tableExists }: FloorStoreOptions,
): FloorStore {
  const keyOf = (lane: string): string =>
    `_cdcdelta/floors/${encodeName(pipelineId)}/${encodeName(lane)}.json`;
  return {
    async load(lane, options) {
      const key = keyOf(lane);
      const floor = await readFloor(store, key, options);
      for (const table of floor?.tables ?? []) {
        if (!await tableExists(table, options)) return null;
      }
      return floor;
    },
    async save(lane, floor, options) {
      const text = JSON.stringify({ ...floor, nextOffset: String(floor.nextOffset) });
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
  const keys = tables.filter((table) => typeof table === "string");
  return { identity, nextOffset: BigInt(nextOffset), lastLineHash, tables: keys };
}
