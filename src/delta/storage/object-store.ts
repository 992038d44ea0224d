/** What a listing or a HEAD tells about an object. */
export type ObjectMeta = {
  /** Key relative to the store's root, `/`-separated, not URI-encoded. */
  readonly key: string;
  readonly size: number;
  /** Last modification, milliseconds since the epoch. */
  readonly modifiedMs: number;
};

/** `created`: our bytes are the object. `exists`: somebody's object (maybe our own landed PUT) was there. */
export type PutIfAbsentOutcome = "created" | "exists";

/** A byte range, end exclusive. */
export type ByteRange = { readonly start: number; readonly end: number };

export type IoOptions = { readonly signal: AbortSignal };
export type GetOptions = IoOptions & { readonly range?: ByteRange };
export type ListOptions = IoOptions & {
  /** Only keys that sort after this one (it need not exist). */
  readonly startAfter?: string;
  /** What writers of the store that died left behind as well; only vacuum asks for it. */
  readonly leftovers?: boolean;
  /** Hears, as `a/b/`, of folders that are symbolic links: what is behind them is not listed. */
  readonly onLinkedFolder?: (folder: string) => void;
};

/** An object in the making: nobody sees it before it is completed. */
export type Upload = {
  /**
   * Puts a part, counted from 0; after a failure it may be put again. All but the last have exactly
   * `partBytes`.
   */
  putPart(index: number, bytes: Uint8Array, options: IoOptions): Promise<void>;
  /** Makes the object of the first `count` parts visible; may be called again after a failure. */
  complete(count: number, options: IoOptions): Promise<void>;
  /** Gives the object up. Errors: the store's; what is left then is for vacuum or the store. */
  abort(): Promise<void>;
};

/** How a store takes objects part by part. */
export type Uploads = {
  readonly partBytes: number;
  begin(key: string, options: IoOptions): Promise<Upload>;
};

/**
 * Bytes by key. Every store is strongly consistent: what was put is seen by the next get and list.
 * Keys are relative to the root the store was opened at. No method retries by itself; wrap with
 * `retryingStore` for that.
 *
 * Errors: `CdcDeltaError` with code `not-found` (get), `permission`, `store` (`retryable` says
 * whether trying again can help). A failed `putIfAbsent` with code `store` is **in doubt**: the
 * object may have been written.
 */
export type ObjectStore = {
  /** The root as the user knows it, for messages: `s3://bucket/prefix`, `/data/lake`, `memory:`. */
  readonly uri: string;
  /**
   * The object's bytes, or the range of them (a range past the end is cut). The memory is the
   * caller's alone, who may give it back.
   */
  get(key: string, options: GetOptions): Promise<Uint8Array>;
  /** Null when there is no such object. */
  head(key: string, options: IoOptions): Promise<ObjectMeta | null>;
  /** Objects whose key starts with `prefix`, at any depth, in UTF-8 byte order of the key. */
  list(prefix: string, options: ListOptions): AsyncIterable<ObjectMeta>;
  /** Writes or replaces the whole object: readers see the old bytes or the new, never a part. */
  put(key: string, chunks: readonly Uint8Array[], options: IoOptions): Promise<void>;
  /** Writes the object only if there is none; atomic against every other writer. */
  putIfAbsent(key: string, bytes: Uint8Array, options: IoOptions): Promise<PutIfAbsentOutcome>;
  /** Deletes objects; a missing one is no error. */
  delete(keys: readonly string[], options: IoOptions): Promise<void>;
  /** Absent where objects can only be put whole; `objectWriter` uses what there is. */
  readonly uploads?: Uploads;
};

/** An object and the store that has it. */
export type StoredFile = { readonly store: ObjectStore; readonly key: string };

/** The store seen from a folder below its root: keys are relative to `prefix`. */
export function subStore(store: ObjectStore, prefix: string): ObjectStore {
  const folder = prefix.replace(/^\/+|\/+$/g, "");
  if (folder === "") return store;
  const full = (key: string): string => `${folder}/${key}`;
  const relative = (meta: ObjectMeta): ObjectMeta => ({
    ...meta,
    key: meta.key.slice(folder.length + 1),
  });
  return {
    uri: `${store.uri.replace(/\/+$/, "")}/${folder}`,
    get: (key, options) => store.get(full(key), options),
    head: async (key, options) => {
      const meta = await store.head(full(key), options);
      return meta === null ? null : relative(meta);
    },
    async *list(prefixBelow, { startAfter, onLinkedFolder, ...rest }) {
      const options = {
        ...rest,
        ...(startAfter === undefined ? {} : { startAfter: full(startAfter) }),
        ...(onLinkedFolder === undefined ? {} : {
          onLinkedFolder: (key: string) => onLinkedFolder(key.slice(folder.length + 1)),
        }),
      };
      for await (const meta of store.list(full(prefixBelow), options)) yield relative(meta);
    },
    put: (key, chunks, options) => store.put(full(key), chunks, options),
    putIfAbsent: (key, bytes, options) => store.putIfAbsent(full(key), bytes, options),
    delete: (keys, options) => store.delete(keys.map(full), options),
    ...withUploads(store, (uploads) => ({
      partBytes: uploads.partBytes,
      begin: (key, options) => uploads.begin(full(key), options),
    })),
  };
}

/** The uploads of a store for one that wraps it; nothing where it has none. */
export function withUploads(
  store: ObjectStore,
  wrap: (uploads: Uploads) => Uploads,
): Pick<ObjectStore, "uploads"> {
  return store.uploads === undefined ? {} : { uploads: wrap(store.uploads) };
}
