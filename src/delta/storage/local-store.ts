import type { FileHandle } from "node:fs/promises";
import { open, stat, unlink } from "node:fs/promises";
import { resolve } from "node:path";
import { CdcDeltaError } from "../../errors.ts";
import { localError, systemCode } from "./local-errors.ts";
import { listFiles } from "./local-list.ts";
import { durableWriter, temporaryPrefix } from "./local-write.ts";
import { checkKey, checkPrefix } from "./object-key.ts";
import type { ByteRange, ObjectMeta, ObjectStore } from "./object-store.ts";

/** One read call asks for at most so many bytes (systems refuse 2 GiB and more). */
const readBytesMax = 1 << 30;

/**
 * A folder as a store; a key is the path below `rootPath`, letter by letter, nothing is encoded.
 * The folder need not exist: the first write makes it. Every write is durable when it returns:
 * file and folders are synced. Conditional PUT is `link(2)`, so the file system must have hard
 * links (code `store-unsafe` otherwise). Names starting with `.tmp-` are the store's own.
 */
export function localStore(rootPath: string): ObjectStore {
  const root = resolve(rootPath);
  const writer = durableWriter(root);

  const pathOf = (key: string): string => {
    checkKey(key, root);
    if (key.startsWith(temporaryPrefix) || key.includes(`/${temporaryPrefix}`)) {
      throw new CdcDeltaError(
        "usage",
        `Cannot use "${key}" as an object key in ${root}: names that start with ` +
          `"${temporaryPrefix}" are files in the making. Choose another name`,
        { context: { key, store: root } },
      );
    }
    return `${root}/${key}`;
  };

  return {
    uri: root,
    async get(key, { range, signal }) {
      const path = pathOf(key);
      signal.throwIfAborted();
      try {
        return await readRange(path, range);
      } catch (error) {
        if (isAbsence(error)) throw missing(key, root, error);
        throw localError(error, `Cannot read "${key}" in ${root}`, signal);
      }
    },
    async head(key, { signal }) {
      const path = pathOf(key);
      signal.throwIfAborted();
      try {
        return await headOf(path, key);
      } catch (error) {
        if (isAbsence(error)) return null;
        throw localError(error, `Cannot look at "${key}" in ${root}`, signal);
      }
    },
    async *list(prefix, options) {
      checkPrefix(prefix, root);
      try {
        yield* listFiles(root, prefix, options);
      } catch (error) {
        throw localError(error, `Cannot list "${prefix}" in ${root}`, options.signal);
      }
    },
    async put(key, chunks, { signal }) {
      const path = pathOf(key);
      signal.throwIfAborted();
      try {
        await writer.replace(path, chunks, signal);
      } catch (error) {
        throw localError(error, `Cannot write "${key}" in ${root}`, signal);
      }
    },
    async putIfAbsent(key, bytes, { signal }) {
      const path = pathOf(key);
      signal.throwIfAborted();
      try {
        return await writer.create(path, bytes, signal);
      } catch (error) {
        throw localError(error, `Cannot create "${key}" in ${root}`, signal);
      }
    },
    async delete(keys, { signal }) {
      const paths = keys.map((key) => ({ key, path: pathOf(key) }));
      for (const { key, path } of paths) {
        signal.throwIfAborted();
        try {
          await unlink(path);
        } catch (error) {
          if (isAbsence(error)) continue;
          throw localError(error, `Cannot delete "${key}" in ${root}`, signal);
        }
      }
    },
  };
}

/** A path that leads through a file, to a folder, or has too long a name, names no object. */
function isAbsence(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EISDIR", "ENAMETOOLONG"].includes(systemCode(error));
}

function missing(key: string, root: string, cause: unknown): CdcDeltaError {
  return new CdcDeltaError("not-found", `Cannot read "${key}" in ${root}: there is no such file`, {
    context: { key, store: root },
    cause,
  });
}

async function headOf(path: string, key: string): Promise<ObjectMeta | null> {
  const stats = await stat(path);
  return stats.isFile() ? { key, size: stats.size, modifiedMs: stats.mtimeMs } : null;
}

async function readRange(path: string, range: ByteRange | undefined): Promise<Uint8Array> {
  const handle = await open(path, "r");
  try {
    const stats = await handle.stat();
    if (stats.isDirectory()) throw Object.assign(new Error("is a folder"), { code: "EISDIR" });
    const start = Math.min(range?.start ?? 0, stats.size);
    const end = Math.max(start, Math.min(range?.end ?? stats.size, stats.size));
    return await readExactly(handle, start, end);
  } finally {
    await handle.close();
  }
}

async function readExactly(handle: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  for (let offset = 0; offset < bytes.length;) {
    const length = Math.min(bytes.length - offset, readBytesMax);
    const { bytesRead } = await handle.read(bytes, offset, length, start + offset);
    if (bytesRead === 0) return bytes.subarray(0, offset);
    offset += bytesRead;
  }
  return bytes;
}
