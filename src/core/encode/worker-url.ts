/**
 * Where the entry point of the encode threads is. In a file made by `bun build --compile` all
 * modules lie in one bundle at the root of an embedded file system, and extra entry points at their
 * paths below the common folder of all entry points, which is `src`.
 */
export function encodeWorkerUrl(): URL {
  const embedded = import.meta.url.includes("/$bunfs/") || import.meta.url.includes("/~BUN/") ||
    import.meta.url.includes("/%7EBUN/");
  return embedded
    ? new URL("./core/encode/encode-worker.ts", import.meta.url)
    : new URL("./encode-worker.ts", import.meta.url);
}
