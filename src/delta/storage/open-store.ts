import { localStore } from "./local-store.ts";
import { subStore } from "./object-store.ts";
import type { S3Options } from "./s3-options.ts";
import { type ClosableStore, s3Store } from "./s3-store.ts";
import { parseTableUri } from "./table-uri.ts";

/** What the kinds of stores need to be opened. */
export type StoreSettings = {
  /** How to reach S3; the bucket comes from the URI. */
  readonly s3?: Omit<S3Options, "bucket">;
};

/**
 * The store rooted at a location: a path, `file:` URI or `s3://bucket/prefix`. Nothing is asked of
 * it yet. Throws code `usage` for a location or options that cannot work.
 */
export function openStore(uri: string, settings: StoreSettings = {}): ClosableStore {
  const location = parseTableUri(uri);
  switch (location.kind) {
    case "local":
      return { ...localStore(location.path), close: () => {} };
    case "s3": {
      const store = s3Store({ ...settings.s3, bucket: location.bucket });
      return { ...subStore(store, location.prefix), close: () => store.close() };
    }
  }
}
