import type { Engine } from "../engine.ts";
import type { AddFile } from "../log/actions.ts";
import { objectKeyOf } from "../log/file-key.ts";
import { wholeFileBytesMax } from "./scan.ts";

/** Files fetched before they are wanted, and their bytes. */
const filesMax = 16;
const bytesMax = 32 << 20;

export type ReadAhead = {
  /** Hands out what was fetched; all else goes to the store. */
  readonly engine: Engine;
  /** Fetches on behind the file of this index, which is about to be read. */
  reach(index: number): void;
  /** Bytes that were fetched ahead and handed out since this was asked last; nobody else has them. */
  handedOut(): readonly Uint8Array[];
};

/**
 * Fetches small files while those before them are worked on: one request after the other would make
 * a merge of hundreds of files on S3 wait for most of its time. Larger files are read in ranges and
 * not fetched ahead.
 */
export function readAhead(
  engine: Engine,
  files: readonly AddFile[],
  signal: AbortSignal,
): ReadAhead {
  const { store } = engine;
  const fetched = new Map<string, Promise<Uint8Array>>();
  let out: Uint8Array[] = [];
  let next = 0;
  let bytes = 0;
  const sizes = new Map<string, number>();
  const get: typeof store.get = async (key, options) => {
    const early = options.range === undefined ? fetched.get(key) : undefined;
    if (early === undefined) return await store.get(key, options);
    fetched.delete(key);
    bytes -= sizes.get(key) ?? 0;
    const found = await early;
    out.push(found);
    return found;
  };
  return {
    engine: { ...engine, store: { ...store, get } },
    handedOut() {
      const found = out;
      out = [];
      return found;
    },
    reach(index) {
      next = Math.max(next, index);
      while (next < files.length && next < index + filesMax) {
        const { path, size } = files[next]!;
        if (bytes > 0 && bytes + size > bytesMax) return;
        next += 1;
        const key = objectKeyOf(path, store.uri);
        if (key === null || size > wholeFileBytesMax || fetched.has(key)) continue;
        const early = store.get(key, { signal });
        // Whoever asks for it hears of the failure; until then nobody listens.
        early.catch(() => undefined);
        fetched.set(key, early);
        sizes.set(key, size);
        bytes += size;
      }
    },
  };
}
