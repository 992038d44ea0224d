import { randomUUID } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { link, mkdir, open, rename, unlink } from "node:fs/promises";
import { basename, dirname } from "node:path";
import process from "node:process";
import { linkError, systemCode } from "./local-errors.ts";
import type { PutIfAbsentOutcome, Upload } from "./object-store.ts";

/** How the names of files in the making start; listings skip them. */
export const temporaryPrefix = ".tmp-";

/** Folders removed under us while we write are made again at most so many times. */
const folderAttemptsMax = 5;

/** Folders remembered as durable; the memory is only a shortcut and may be forgotten. */
const durableFoldersMax = 10_000;

/** Writes files of one root so that they survive a power cut once the call has returned. */
export type DurableWriter = {
  /** Replaces the file at `path` as a whole. */
  replace(path: string, chunks: readonly Uint8Array[], signal: AbortSignal): Promise<void>;
  /** Begins a file of parts of `partBytes` that will replace the one at `path`. */
  begin(path: string, partBytes: number, signal: AbortSignal): Promise<Upload>;
  /** Makes the file at `path` unless there is one. */
  create(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<PutIfAbsentOutcome>;
};

/** A durable writer below `root` (absolute). Errors are the system's own. */
export function durableWriter(root: string): DurableWriter {
  // Entries of folders up to the root that this process has synced. A folder that was there
  // before may have been made by a process that died before its own sync, so the first write
  // into any folder syncs the whole way up once.
  const durableFolders = new Set<string>();

  const syncFolders = async (folder: string, firstMade: string | undefined): Promise<void> => {
    await syncFolder(folder);
    if (durableFolders.has(folder) && firstMade === undefined) return;
    const top = firstMade !== undefined && firstMade.length <= root.length
      ? dirname(firstMade)
      : root;
    for (let above = folder; above !== top && above.length > top.length;) {
      above = dirname(above);
      await syncFolder(above);
    }
    if (durableFolders.size >= durableFoldersMax) durableFolders.clear();
    durableFolders.add(folder);
  };

  const withTemporary = async <Result>(
    path: string,
    chunks: readonly Uint8Array[],
    signal: AbortSignal,
    publish: (temporary: string) => Promise<Result>,
  ): Promise<Result> => {
    const folder = dirname(path);
    const temporary = `${folder}/${temporaryPrefix}${randomUUID()}`;
    const { handle, firstMade } = await openInFolder(temporary, folder);
    let result: Result;
    try {
      try {
        await writeAll(handle, chunks, signal);
        await handle.sync();
      } finally {
        await handle.close();
      }
      signal.throwIfAborted();
      result = await publish(temporary);
    } catch (error) {
      await unlink(temporary).catch(() => {});
      throw error;
    }
    await syncFolders(folder, firstMade);
    return result;
  };

  const begin = async (path: string, partBytes: number, signal: AbortSignal): Promise<Upload> => {
    signal.throwIfAborted();
    const folder = dirname(path);
    const temporary = `${folder}/${temporaryPrefix}${randomUUID()}`;
    const { handle, firstMade } = await openInFolder(temporary, folder);
    let state: "open" | "closed" | "named" = "open";
    const close = async (): Promise<void> => {
      if (state !== "open") return;
      state = "closed";
      await handle.close();
    };
    return {
      putPart: (index, bytes, options) =>
        writeAll(handle, [bytes], options.signal, index * partBytes),
      async complete(_count, options) {
        if (state === "open") await handle.sync();
        await close();
        options.signal.throwIfAborted();
        if (state === "closed") await renameOver(temporary, path);
        state = "named";
        await syncFolders(folder, firstMade);
      },
      async abort() {
        await close();
        if (state === "closed") await unlink(temporary);
      },
    };
  };

  return {
    begin,
    replace: (path, chunks, signal) =>
      withTemporary(path, chunks, signal, (temporary) => renameOver(temporary, path)),
    create: (path, bytes, signal) =>
      withTemporary(path, [bytes], signal, (temporary) => publishByLink(temporary, path)),
  };
}

/**
 * Hadoop keeps a checksum of each file that it writes to a local folder, as `.name.crc`, and refuses
 * to read another file of that name. It goes first: a file without one is read as it is.
 */
async function renameOver(temporary: string, path: string): Promise<void> {
  await unlink(`${dirname(path)}/.${basename(path)}.crc`).catch((error: unknown) => {
    if (!["ENOENT", "ENAMETOOLONG", "EISDIR", "EPERM"].includes(systemCode(error))) throw error;
  });
  await rename(temporary, path);
}

async function publishByLink(temporary: string, path: string): Promise<PutIfAbsentOutcome> {
  let outcome: PutIfAbsentOutcome = "created";
  try {
    await link(temporary, path);
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw linkError(error, path);
    outcome = "exists";
  }
  // The object is there under its own name; a second name that stays behind is only litter.
  await unlink(temporary).catch(() => {});
  return outcome;
}

/** Opens a new file, making its folder when needed; says which folder was the first one made. */
async function openInFolder(
  path: string,
  folder: string,
): Promise<{ handle: FileHandle; firstMade: string | undefined }> {
  let firstMade: string | undefined;
  for (let attempt = 1;; attempt++) {
    try {
      return { handle: await open(path, "wx"), firstMade };
    } catch (error) {
      if (systemCode(error) !== "ENOENT" || attempt === folderAttemptsMax) throw error;
      const made = await mkdir(folder, { recursive: true });
      if (made !== undefined && (firstMade === undefined || made.length < firstMade.length)) {
        firstMade = made;
      }
    }
  }
}

async function writeAll(
  handle: FileHandle,
  chunks: readonly Uint8Array[],
  signal: AbortSignal,
  from = 0,
): Promise<void> {
  let position = from;
  for (const chunk of chunks) {
    for (let offset = 0; offset < chunk.length;) {
      signal.throwIfAborted();
      const { bytesWritten } = await handle.write(chunk, offset, chunk.length - offset, position);
      offset += bytesWritten;
      position += bytesWritten;
    }
  }
}

/** Makes the names in a folder survive a power cut. Windows has no such call and needs none. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems sync names on their own and refuse the call.
    if (!["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(systemCode(error))) throw error;
  } finally {
    await handle.close();
  }
}
