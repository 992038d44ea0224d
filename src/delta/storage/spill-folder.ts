import { randomUUID } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { open, unlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CdcDeltaError } from "../../errors.ts";
import { localError, systemCode } from "./local-errors.ts";

/** A file for what does not fit into memory; it is gone when the process is, however that ends. */
export type SpillFile = {
  /** Appends bytes and says where they begin. Errors: `store` when the disk is full. */
  append(bytes: Uint8Array): Promise<number>;
  read(start: number, end: number): Promise<Uint8Array>;
  /** Gives the space back. */
  close(): Promise<void>;
};

/**
 * A new spill file in a folder, which has to exist. The file has no name any more once this has
 * returned (where the system allows it), so that a killed process leaves nothing behind. Errors:
 * `not-found`, `permission`, `store`.
 */
export async function openSpillFile(folder: string, signal: AbortSignal): Promise<SpillFile> {
  const path = join(resolve(folder), `cdcdelta-spill-${randomUUID()}`);
  const guard = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      throw spillError(error, folder, signal);
    }
  };
  let named = true;
  const handle = await guard(async () => await open(path, "wx+", 0o600));
  const forget = async (): Promise<void> => {
    if (!named) return;
    await unlink(path).then(() => (named = false), () => undefined);
  };
  await forget();
  let size = 0;
  return {
    append: (bytes) =>
      guard(async () => {
        const start = size;
        await writeAt(handle, bytes, start);
        size += bytes.length;
        return start;
      }),
    read: (start, end) => guard(() => readAt(handle, start, end)),
    async close() {
      await handle.close().catch(() => undefined);
      await forget();
    },
  };
}

async function writeAt(handle: FileHandle, bytes: Uint8Array, start: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += (await handle.write(bytes, at, bytes.length - at, start + at)).bytesWritten;
  }
}

async function readAt(handle: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  for (let at = 0; at < bytes.length;) {
    const { bytesRead } = await handle.read(bytes, at, bytes.length - at, start + at);
    if (bytesRead === 0) throw new CdcDeltaError("internal", "A spill file ends too early");
    at += bytesRead;
  }
  return bytes;
}

function spillError(error: unknown, folder: string, signal: AbortSignal): unknown {
  const advice = "Name a folder with more space with --spill-dir; the table is as it was";
  switch (systemCode(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return new CdcDeltaError(
        "store",
        `Cannot sort: the disk of ${folder}, where rows wait that do not fit into memory, is ` +
          `full. ${advice}`,
        { cause: error, context: { folder } },
      );
    case "ENOENT":
    case "ENOTDIR":
      return new CdcDeltaError(
        "not-found",
        `Cannot sort: there is no folder ${folder} for rows that do not fit into memory. ${advice}`,
        { cause: error, context: { folder } },
      );
    default:
      return localError(error, `Cannot keep rows that wait to be sorted in ${folder}`, signal);
  }
}
