import { type FileHandle, open, stat } from "node:fs/promises";
import { CdcDeltaError } from "../../errors.ts";
import type { ByteReader, ReadOutcome } from "./byte-reader.ts";
import { isMissing, readError } from "./read-error.ts";

export type RegularFileOptions = {
  readonly path: string;
  /** True: the end of the file is not the end of the input. */
  readonly follow: boolean;
  /** How much of the file's start and end is compared when a followed file changed. */
  readonly continuityBytes: number;
};

/** What is remembered of a followed file while it is closed. */
type Seen = {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
  readonly stamp: string;
};

/**
 * Reads a regular file from its start. When following, the file is opened only while it has more,
 * and is looked at anew by each read at its end.
 *
 * Errors: those of `readError`; `source-replaced` when a followed file is no longer the one that
 * was read: it is shorter, or its start or what stood before our position is different.
 */
export function regularFileReader(options: RegularFileOptions): ByteReader {
  const { path, follow } = options;
  let handle: FileHandle | null = null;
  let position = 0;
  let seen: Seen | null = null;

  async function closeHandle(): Promise<void> {
    const open = handle;
    handle = null;
    await open?.close();
  }

  async function atEnd(file: FileHandle): Promise<ReadOutcome> {
    if (!follow) {
      await closeHandle();
      return "end";
    }
    seen = { ...await ends(file), stamp: stampOf(await file.stat()) };
    await closeHandle();
    return "idle";
  }

  async function ends(file: FileHandle): Promise<{ head: Uint8Array; tail: Uint8Array }> {
    const length = Math.min(position, options.continuityBytes);
    const head = await readExactly(file, 0, length);
    const tail = await readExactly(file, position - length, length);
    return { head, tail };
  }

  /** True when the file is open and ready to be read on. */
  async function reopen(before: Seen): Promise<boolean> {
    let file: FileHandle;
    try {
      if (stampOf(await stat(path)) === before.stamp) return false;
      file = await open(path, "r");
    } catch (error) {
      // Between removing and renaming there may be no file for a moment.
      if (isMissing(error)) return false;
      throw error;
    }
    handle = file;
    const { size } = await file.stat();
    if (size < position) throw replaced(path, `it has ${size} bytes, ${position} were read`);
    const now = await ends(file);
    if (!sameBytes(before.head, now.head)) throw replaced(path, "it starts with something else");
    if (!sameBytes(before.tail, now.tail)) {
      throw replaced(path, `what stands before byte ${position} is different`);
    }
    return true;
  }

  return {
    async read(target) {
      try {
        if (handle === null) {
          if (seen === null) handle = await open(path, "r");
          else if (!await reopen(seen)) return "idle";
        }
        if (handle === null) return "idle";
        const { bytesRead } = await handle.read(target, 0, target.length, position);
        position += bytesRead;
        return bytesRead > 0 ? bytesRead : await atEnd(handle);
      } catch (error) {
        throw readError(path, error);
      }
    },
    bytesRead: () => position,
    close: closeHandle,
  };
}

type Stamp = { readonly dev: number; readonly ino: number; size: number; mtimeMs: number };

function stampOf(stats: Stamp): string {
  return `${stats.dev}/${stats.ino}/${stats.size}/${stats.mtimeMs}`;
}

async function readExactly(file: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function replaced(path: string, how: string): CdcDeltaError {
  return new CdcDeltaError(
    "source-replaced",
    `Cannot follow "${path}" any further: the file was replaced or rewritten (${how}). What was ` +
      `read before is committed. Give new content a new name or another --source-id.`,
    { context: { path } },
  );
}
