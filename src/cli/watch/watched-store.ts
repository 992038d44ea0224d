import { type ObjectStore, withUploads } from "../../delta/storage/object-store.ts";
import { CdcDeltaError } from "../../errors.ts";

/** Hears of each answer: null when the store is well, else why it is not. */
export type StoreWatcher = (why: string | null) => void;

/**
 * The store with its calls watched. An answer that something is not there, or not allowed, is an
 * answer: only what may be well again later (a store that is down) counts against it.
 */
export function watchedStore(inner: ObjectStore, watch: StoreWatcher): ObjectStore {
  const tell = (error: unknown): void => {
    if (error instanceof CdcDeltaError) watch(error.retryable ? error.message : null);
  };
  const watched = async <Result>(call: Promise<Result>): Promise<Result> => {
    try {
      const result = await call;
      watch(null);
      return result;
    } catch (error) {
      tell(error);
      throw error;
    }
  };
  return {
    uri: inner.uri,
    get: (key, options) => watched(inner.get(key, options)),
    head: (key, options) => watched(inner.head(key, options)),
    async *list(prefix, options) {
      try {
        for await (const meta of inner.list(prefix, options)) {
          watch(null);
          yield meta;
        }
        watch(null);
      } catch (error) {
        tell(error);
        throw error;
      }
    },
    put: (key, chunks, options) => watched(inner.put(key, chunks, options)),
    putIfAbsent: (key, bytes, options) => watched(inner.putIfAbsent(key, bytes, options)),
    delete: (keys, options) => watched(inner.delete(keys, options)),
    ...withUploads(inner, ({ partBytes, begin }) => ({
      partBytes,
      begin: async (key, first) => {
        const upload = await watched(begin(key, first));
        return {
          putPart: (index, bytes, options) => watched(upload.putPart(index, bytes, options)),
          complete: (count, options) => watched(upload.complete(count, options)),
          abort: () => upload.abort(),
        };
      },
    })),
  };
}
