import type { Readable } from "node:stream";
import type { Clock } from "../../delta/engine.ts";
import type { ByteReader } from "./byte-reader.ts";
import { readError } from "./read-error.ts";

/**
 * Reads a pipe: standard input or a FIFO. A read that finds nothing within its `waitMs` gives
 * `idle`, and so does a read whose signal is aborted while it waits.
 */
export function streamReader(stream: Readable, name: string, clock: Clock): ByteReader {
  let failure: Error | null = null;
  let ended = false;
  let taken = 0;
  let chunk: Uint8Array | null = null;
  let chunkAt = 0;
  let wake: (() => void) | null = null;

  function changed(): void {
    const waiting = wake;
    wake = null;
    waiting?.();
  }

  stream.on("readable", changed);
  stream.on("end", () => {
    ended = true;
    changed();
  });
  stream.on("close", () => {
    ended = true;
    changed();
  });
  stream.on("error", (error: Error) => {
    failure = error;
    changed();
  });

  function nextChunk(): boolean {
    const next: unknown = stream.read();
    if (!(next instanceof Uint8Array) || next.length === 0) return false;
    chunk = next;
    chunkAt = 0;
    return true;
  }

  return {
    async read(target, { waitMs, signal }) {
      if (chunk === null && !nextChunk() && !ended && failure === null) {
        await firstOf(waitMs, signal);
        nextChunk();
      }
      if (failure !== null) throw readError(name, failure);
      if (chunk === null) return ended ? "end" : "idle";
      const count = Math.min(target.length, chunk.length - chunkAt);
      target.set(chunk.subarray(chunkAt, chunkAt + count));
      chunkAt += count;
      taken += count;
      if (chunkAt === chunk.length) chunk = null;
      return count;
    },
    bytesRead: () => taken,
    close() {
      stream.removeListener("readable", changed);
      stream.destroy();
      return Promise.resolve();
    },
  };

  /** Waits for news of the stream, for the time to pass, or for the signal. */
  async function firstOf(waitMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const news = new AbortController();
    const arrival = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const timer = clock.sleep(waitMs, AbortSignal.any([signal, news.signal])).catch(() => {});
    await Promise.race([arrival, timer]);
    wake = null;
    news.abort();
  }
}
