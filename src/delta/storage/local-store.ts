import type { FileHandle } from "node:fs/promises";
import { open, readFile, stat, unlink } from "node:fs/promises";
import { resolve } from "node:path";
import { CdcDeltaError } from "../../errors.ts";
import { localError, systemCode } from "./local-errors.ts";
import { listFiles } from "./local-list.ts";
import { durableWriter, temporaryPrefix } from "./local-write.ts";
import { checkKey, checkPrefix } from "./object-key.ts";
import type { ByteRange, ObjectMeta, ObjectStore } from "./object-store.ts";

/** One read call asks for at most so many bytes (systems refuse 2 GiB and more). */
const readBytesMax = 1 << 30;
/** Large files are written in pieces of so many bytes. */
const uploadPartBytes = 1 << 20;

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

  const run = async <Result>(
    doing: string,
    signal: AbortSignal,
    work: () => Promise<Result>,
  ): Promise<Result> => {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      throw localError(error, `${doing} in ${root}`, signal);
    }
  };

  return {
    uri: root,
    async get(key, { range, signal }) {
      const path = pathOf(key);
      const read = (): Promise<Uint8Array | null> =>
        range === undefined ? readWhole(path) : readRange(path, range);
      const bytes = await run(`Cannot read "${key}"`, signal, read);
      if (bytes === null) throw missing(key, root);
      return bytes;
    },
    async head(key, { signal }) {
      const path = pathOf(key);
      return await run(`Cannot look at "${key}"`, signal, () => headOf(path, key));
    },
    async *list(prefix, options) {
      checkPrefix(prefix, root);
      try {
        yield* listFiles(root, prefix, options);
      } catch (error) {
        throw localError(
          error,
          `Cannot list ${prefix === "" ? "the files" : `"${prefix}"`} in ${root}`,
          options.signal,
        );
      }
    },
    async put(key, chunks, { signal }) {
      const path = pathOf(key);
      await run(`Cannot write "${key}"`, signal, () => writer.replace(path, chunks, signal));
    },
    uploads: {
      partBytes: uploadPartBytes,
      async begin(key, { signal }) {
        const path = pathOf(key);
        const writing = `Cannot write "${key}"`;
        const file = await run(writing, signal, () => writer.begin(path, uploadPartBytes, signal));
        return {
          putPart: (index, bytes, io) =>
            run(writing, io.signal, () => file.putPart(index, bytes, io)),
          complete: (count, io) => run(writing, io.signal, () => file.complete(count, io)),
          abort: () => run(writing, new AbortController().signal, () => file.abort()),
        };
      },
    },
    async putIfAbsent(key, bytes, { signal }) {
      const path = pathOf(key);
      return await run(`Cannot create "${key}"`, signal, () => writer.create(path, bytes, signal));
    },
    async delete(keys, { signal }) {
      // Files in the making as well: vacuum deletes those that a killed writer left behind.
      for (const key of keys) checkKey(key, root);
      for (const key of keys) {
        signal.throwIfAborted();
        await run(`Cannot delete "${key}"`, signal, () => removeFile(`${root}/${key}`));
      }
    },
  };
}

async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isAbsence(error)) throw error;
  }
}

/** A path that leads through a file, to a folder, or has too long a name, names no object. */
function isAbsence(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EISDIR", "ENAMETOOLONG"].includes(systemCode(error));
}

function missing(key: string, root: string): CdcDeltaError {
  return new CdcDeltaError("not-found", `Cannot read "${key}" in ${root}: there is no such file`, {
    context: { key, store: root },
  });
}

/** Null when there is no such file. */
async function headOf(path: string, key: string): Promise<ObjectMeta | null> {
  try {
    const stats = await stat(path);
    return stats.isFile() ? { key, size: stats.size, modifiedMs: stats.mtimeMs } : null;
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

/** Null when there is no such file. One call: each takes its turn on another thread. */
async function readWhole(path: string): Promise<Uint8Array | null> {
  try {
    const { buffer, byteOffset, byteLength } = await readFile(path);
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

/** Null when there is no such file. */
async function readRange(path: string, range: ByteRange): Promise<Uint8Array | null> {
  let handle: FileHandle | null = null;
  try {
    handle = await open(path, "r");
    const stats = await handle.stat();
    if (!stats.isFile()) return null;
    const start = Math.min(range.start, stats.size);
    const end = Math.max(start, Math.min(range.end, stats.size));
    return await readExactly(handle, start, end);
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  } finally {
    await handle?.close();
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
