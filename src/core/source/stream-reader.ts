import type { Readable } from "node:stream";
import type { Clock } from "../../delta/engine.ts";
import type { ByteReader, ReadOptions } from "./byte-reader.ts";
import { readError } from "./read-error.ts";

/** What a stream has told so far. */
type News = { failure: Error | null; ended: boolean; wake: (() => void) | null };

/**
 * Reads a pipe: standard input or a FIFO. A read that finds nothing within its `waitMs` gives
 * `idle`. Once the signal is aborted, what was taken from the pipe before is given, and then `idle`.
 */
export function streamReader(stream: Readable, name: string, clock: Clock): ByteReader {
  const news = listen(stream);
  let taken = 0;
  let chunk: Uint8Array | null = null;
  let chunkAt = 0;
  // True: the signal was aborted, and the stream was asked for the last time.
  let drained = false;

  function nextChunk(): boolean {
    const next: unknown = stream.read();
    if (!(next instanceof Uint8Array) || next.length === 0) return false;
    chunk = next;
    chunkAt = 0;
    return true;
  }

  return {
    async read(target, options) {
      if (chunk === null && !drained) {
        drained = options.signal.aborted;
        if (!nextChunk() && !drained && !news.ended && news.failure === null) {
          await somethingNew(news, clock, options);
          nextChunk();
        }
      }
      if (news.failure !== null) throw readError(name, news.failure);
      if (chunk === null) return news.ended ? "end" : "idle";
      const count = Math.min(target.length, chunk.length - chunkAt);
      target.set(chunk.subarray(chunkAt, chunkAt + count));
      chunkAt += count;
      taken += count;
      if (chunkAt === chunk.length) chunk = null;
      return count;
    },
    bytesRead: () => taken,
    close() {
      stream.destroy();
      return Promise.resolve();
    },
  };
}

function listen(stream: Readable): News {
  const news: News = { failure: null, ended: false, wake: null };
  const wake = () => news.wake?.();
  const end = () => {
    news.ended = true;
    wake();
  };
  stream.on("readable", wake);
  stream.on("end", end);
  stream.on("close", end);
  stream.on("error", (error: Error) => {
    news.failure = error;
    wake();
  });
  return news;
}

/** Waits for news of the stream, for the time to pass, or for the signal. */
async function somethingNew(news: News, clock: Clock, options: ReadOptions): Promise<void> {
  const { waitMs, signal } = options;
  if (signal.aborted) return;
  const arrived = new AbortController();
  const arrival = new Promise<void>((resolve) => {
    news.wake = resolve;
  });
  // Being woken early, by news or by the signal, is not an error here.
  const time = clock.sleep(waitMs, AbortSignal.any([signal, arrived.signal])).catch(() => {});
  await Promise.race([arrival, time]);
  news.wake = null;
  arrived.abort();
}
