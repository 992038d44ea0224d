import type { Transform } from "node:stream";

/**
 * A node:zlib stream behind calls that never read ahead: one write at a time, output taken when the
 * caller has room, so that a small input that swells does not fill the memory.
 */
export type Inflater = {
  /** Output that is ready, or null. Throws what the stream reported. */
  take(): Uint8Array | null;
  /** True: nothing is under way and the stream waits for `write` or `end`. */
  wantsInput(): boolean;
  write(chunk: Uint8Array): void;
  end(): void;
  /** True after `end`, when all output was taken. */
  ended(): boolean;
  /** Resolves when one of the answers above may have changed. */
  settled(): Promise<void>;
  destroy(): void;
};

/** An `Inflater` for one compressed stream. */
export function inflater(stream: Transform): Inflater {
  let failure: Error | null = null;
  let writing = false;
  let finishing = false;
  let ended = false;
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
  stream.on("error", (error: Error) => {
    failure = error;
    changed();
  });

  return {
    take() {
      if (failure !== null) throw failure;
      const chunk: unknown = stream.read();
      return chunk instanceof Uint8Array ? chunk : null;
    },
    wantsInput: () => failure === null && !writing && !finishing,
    write(chunk) {
      writing = true;
      stream.write(chunk, () => {
        writing = false;
        changed();
      });
    },
    end() {
      finishing = true;
      stream.end();
    },
    ended: () => ended,
    settled() {
      if (failure !== null || ended || stream.readableLength > 0) return Promise.resolve();
      if (!writing && !finishing) return Promise.resolve();
      return new Promise((resolve) => {
        wake = resolve;
      });
    },
    destroy() {
      stream.destroy();
    },
  };
}
