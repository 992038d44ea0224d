import { checkKey, checkPrefix } from "./object-key.ts";
import type { ObjectStore } from "./object-store.ts";
import { openS3Context } from "./s3-context.ts";
import { deleteObjects } from "./s3-delete.ts";
import { beginParts } from "./s3-multipart.ts";
import type { S3Options } from "./s3-options.ts";
import { getObject, headObject, listObjects } from "./s3-read.ts";
import { putObject, putObjectIfAbsent } from "./s3-write.ts";

/** A store with connections; the process may linger until they are closed. */
export type ClosableStore = ObjectStore & { close(): void };

/**
 * A bucket of S3 or of a store that speaks its API. Keys are the object's keys; open a prefix with
 * `subStore`. The SDK is loaded at the first request and never retries. `putIfAbsent` is one PUT
 * with `If-None-Match: *`; its errors say in `context.inDoubt` whether the object may be there, and
 * have code `store-unsafe` when the store has no conditional PUT. Throws code `usage` at once for
 * options that cannot work.
 */
export function s3Store(options: S3Options): ClosableStore {
  const context = openS3Context(options);
  const { uri } = context;
  return {
    uri,
    async get(key, { range, signal }) {
      checkKey(key, uri);
      // HTTP has no empty range; what remains to be told is whether the object is there.
      if (range !== undefined && range.end <= range.start) {
        return await getObject(context, key, { start: 0, end: 1 }, signal).then(() =>
          new Uint8Array(0)
        );
      }
      return await getObject(context, key, range, signal);
    },
    async head(key, { signal }) {
      checkKey(key, uri);
      return await headObject(context, key, signal);
    },
    async *list(prefix, listOptions) {
      checkPrefix(prefix, uri);
      yield* listObjects(context, prefix, listOptions);
    },
    async put(key, chunks, { signal }) {
      checkKey(key, uri);
      await putObject(context, key, chunks, signal);
    },
    uploads: {
      partBytes: context.settings.partBytes,
      async begin(key, { signal }) {
        checkKey(key, uri);
        return await beginParts(context, key, signal);
      },
    },
    async putIfAbsent(key, bytes, { signal }) {
      checkKey(key, uri);
      return await putObjectIfAbsent(context, key, bytes, signal);
    },
    async delete(keys, { signal }) {
      for (const key of keys) checkKey(key, uri);
      await deleteObjects(context, keys, signal);
    },
    close: () => context.close(),
  };
}
