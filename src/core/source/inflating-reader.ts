import { CdcDeltaError } from "../../errors.ts";
import type { ByteReader, ReadOptions } from "./byte-reader.ts";
import type { Inflater } from "./inflater.ts";

/** Compressed bytes for one stream; `endsFrame`: the stream ends with them. */
export type CompressedPiece = { readonly bytes: Uint8Array; readonly endsFrame: boolean };

/** How a compressed format is fed to streams of node:zlib. */
export type CompressedFormat = {
  /** Cuts raw bytes into what the streams get; throws when they are not of the format. */
  pieces(chunk: Uint8Array): readonly CompressedPiece[];
  open(): Inflater;
  /** True: the input may end here without a stream being told so. */
  mayEnd(): boolean;
  failed(error: unknown): CdcDeltaError;
};

const rawBytes = 64 << 10;

type State = {
  readonly raw: ByteReader;
  readonly format: CompressedFormat;
  current: Inflater | null;
  waiting: CompressedPiece[];
  rawEnded: boolean;
};

/**
 * What `raw` gives, decompressed. Within bounded memory: raw bytes are read only when all output of
 * those before was taken.
 */
export function inflatingReader(raw: ByteReader, format: CompressedFormat): ByteReader {
  const state: State = { raw, format, current: null, waiting: [], rawEnded: false };
  let output: Uint8Array | null = null;
  let outputAt = 0;
  return {
    async read(target, options) {
      if (output === null) {
        const chunk = await nextOutput(state, options);
        if (chunk === "idle" || chunk === "end") return chunk;
        output = chunk;
        outputAt = 0;
      }
      const count = Math.min(target.length, output.length - outputAt);
      target.set(output.subarray(outputAt, outputAt + count));
      outputAt += count;
      if (outputAt === output.length) output = null;
      return count;
    },
    bytesRead: () => raw.bytesRead(),
    async close() {
      state.current?.destroy();
      state.current = null;
      await raw.close();
    },
  };
}

/** Output of the stream, or what keeps it from giving any. */
async function nextOutput(
  state: State,
  options: ReadOptions,
): Promise<Uint8Array | "idle" | "end"> {
  try {
    for (;;) {
      const chunk = state.current?.take() ?? null;
      if (chunk !== null) return chunk;
      if (state.current?.ended() === true) {
        state.current = null;
      } else if (state.current === null || state.current.wantsInput()) {
        const fed = await feed(state, options);
        if (fed !== "fed") return fed;
      } else {
        await state.current.settled();
      }
    }
  } catch (error) {
    throw error instanceof CdcDeltaError ? error : state.format.failed(error);
  }
}

/** Hands the next piece to the stream, or learns that there is none. */
async function feed(state: State, options: ReadOptions): Promise<"fed" | "idle" | "end"> {
  const { format, waiting } = state;
  const piece = waiting.shift();
  if (piece !== undefined) {
    state.current ??= format.open();
    state.current.write(piece.bytes);
    if (piece.endsFrame) state.current.end();
    return "fed";
  }
  if (!state.rawEnded) {
    // A fresh buffer, since the stream may still hold on to the one before.
    const chunk = new Uint8Array(rawBytes);
    const outcome = await state.raw.read(chunk, options);
    if (outcome === "idle") return "idle";
    if (outcome === "end") state.rawEnded = true;
    else state.waiting = [...format.pieces(chunk.subarray(0, outcome))];
    return "fed";
  }
  if (!format.mayEnd()) throw format.failed(null);
  if (state.current === null) return "end";
  state.current.end();
  return "fed";
}
