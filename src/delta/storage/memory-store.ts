import { CdcDeltaError } from "../../errors.ts";
import type { Clock } from "../clock.ts";
import { checkKey, checkPrefix, compareKeys } from "./object-key.ts";
import type { ObjectMeta, ObjectStore } from "./object-store.ts";

/** Settings of `memoryStore`. */
export type MemoryStoreOptions = {
  /** What messages call the store; default `memory:`. */
  readonly uri?: string;
  /** Where `modifiedMs` comes from; default the system's clock. */
  readonly clock?: Pick<Clock, "nowMs">;
};

type StoredObject = { readonly bytes: Uint8Array; readonly modifiedMs: number };

/**
 * A store in memory with the semantics of S3: strongly consistent, atomic replacement, true
 * conditional PUT. Bytes are copied in and out, so that nobody can change an object in place.
 */
export function memoryStore(options: MemoryStoreOptions = {}): ObjectStore {
  const uri = options.uri ?? "memory:";
  const clock = options.clock ?? { nowMs: () => Date.now() };
  const objects = new Map<string, StoredObject>();
  let sortedKeys: readonly string[] | null = null;

  const write = (key: string, bytes: Uint8Array): void => {
    if (!objects.has(key)) sortedKeys = null;
    objects.set(key, { bytes, modifiedMs: clock.nowMs() });
  };

  return {
    uri,
    async get(key, { range, signal }) {
      begin(key, uri, signal);
      const object = objects.get(key);
      if (object === undefined) throw missing(key, uri);
      return range === undefined
        ? object.bytes.slice()
        : object.bytes.slice(range.start, Math.max(range.start, range.end));
    },
    async head(key, { signal }) {
      begin(key, uri, signal);
      const object = objects.get(key);
      return object === undefined ? null : metaOf(key, object);
    },
    async *list(prefix, { startAfter, signal }) {
      checkPrefix(prefix, uri);
      signal.throwIfAborted();
      sortedKeys ??= [...objects.keys()].sort(compareKeys);
      const keys = sortedKeys;
      for (let index = firstIndex(keys, prefix, startAfter); index < keys.length; index++) {
        const key = keys[index] ?? "";
        if (!key.startsWith(prefix)) break;
        const object = objects.get(key);
        if (object === undefined) continue;
        yield metaOf(key, object);
        signal.throwIfAborted();
      }
    },
    async put(key, chunks, { signal }) {
      begin(key, uri, signal);
      write(key, concatenated(chunks));
    },
    async putIfAbsent(key, bytes, { signal }) {
      begin(key, uri, signal);
      if (objects.has(key)) return "exists";
      write(key, bytes.slice());
      return "created";
    },
    async delete(keys, { signal }) {
      for (const key of keys) begin(key, uri, signal);
      for (const key of keys) if (objects.delete(key)) sortedKeys = null;
    },
  };
}

function begin(key: string, uri: string, signal: AbortSignal): void {
  checkKey(key, uri);
  signal.throwIfAborted();
}

function metaOf(key: string, object: StoredObject): ObjectMeta {
  return { key, size: object.bytes.length, modifiedMs: object.modifiedMs };
}

/** Index of the first key that is at or after the prefix and after `startAfter`. */
function firstIndex(keys: readonly string[], prefix: string, startAfter: string | undefined) {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const key = keys[middle] ?? "";
    const isBefore = compareKeys(key, prefix) < 0 ||
      (startAfter !== undefined && compareKeys(key, startAfter) <= 0);
    if (isBefore) low = middle + 1;
    else high = middle;
  }
  return low;
}

function concatenated(chunks: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const chunk of chunks) size += chunk.length;
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

function missing(key: string, uri: string): CdcDeltaError {
  return new CdcDeltaError("not-found", `Cannot read "${key}" in ${uri}: there is no such object`, {
    context: { key, store: uri },
  });
}
