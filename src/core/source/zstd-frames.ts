/** Bytes of one zstd frame; skippable frames are left out. */
export type ZstdPiece = { readonly bytes: Uint8Array; readonly endsFrame: boolean };

export type ZstdFrameSplitter = {
  /** Throws a plain Error when the bytes are no zstd frames. */
  push(chunk: Uint8Array): ZstdPiece[];
  /** False: the input ends inside a frame, it was cut off. */
  atFrameBoundary(): boolean;
};

type State =
  | "magic"
  | "descriptor"
  | "header"
  | "block-header"
  | "block"
  | "checksum"
  | "skippable-size"
  | "skippable";

const frameMagic = 0xfd2fb528;
const frameMagicBytes = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd);
const skippableMagic = 0x184d2a50;
const dictionaryIdBytes = [0, 1, 2, 4];
const contentSizeBytes = [0, 2, 4, 8];

/**
 * Walks frame and block headers (RFC 8878 §3.1.1) to find where frames end. The zstd streams of
 * node:zlib differ between runtimes on what follows a frame, and none of them reports a cut one;
 * so each frame gets its own stream, and the cut is found here.
 */
export function zstdFrameSplitter(): ZstdFrameSplitter {
  let state: State = "magic";
  // Bytes still to come in this state, and the little-endian number made of those that came.
  let need = 4;
  let value = 0;
  let taken = 0;
  let hasChecksum = false;
  let lastBlock = false;

  function enter(next: State, bytes: number): void {
    state = next;
    need = bytes;
    value = 0;
    taken = 0;
  }

  /** Called when a state has all its bytes; true when a frame has ended. */
  function advance(): boolean {
    switch (state) {
      case "magic":
        if (value === frameMagic) enter("descriptor", 1);
        else if (((value & 0xfffffff0) >>> 0) === skippableMagic) enter("skippable-size", 4);
        else {throw new Error(
            "neither a zstd frame nor the end of the input where one of them must be",
          );}
        return false;
      case "descriptor": {
        const single = (value >> 5) & 1;
        const sizeFlag = value >> 6;
        hasChecksum = ((value >> 2) & 1) === 1;
        const size = sizeFlag === 0 ? single : contentSizeBytes[sizeFlag] ?? 0;
        enter("header", (single === 1 ? 0 : 1) + (dictionaryIdBytes[value & 3] ?? 0) + size);
        return false;
      }
      case "header":
        enter("block-header", 3);
        return false;
      case "block-header": {
        lastBlock = (value & 1) === 1;
        const kind = (value >> 1) & 3;
        if (kind === 3) throw new Error("a zstd block of a reserved type");
        // A block of kind 1 is one byte that is repeated.
        enter("block", kind === 1 ? 1 : value >> 3);
        return false;
      }
      case "block":
        if (!lastBlock) enter("block-header", 3);
        else if (hasChecksum) enter("checksum", 4);
        else return endFrame();
        return false;
      case "checksum":
        return endFrame();
      case "skippable-size":
        enter("skippable", value);
        return false;
      case "skippable":
        enter("magic", 4);
        return false;
    }
  }

  function endFrame(): boolean {
    enter("magic", 4);
    return true;
  }

  function collects(): boolean {
    return state === "magic" || state === "descriptor" || state === "block-header" ||
      state === "skippable-size";
  }

  return {
    push(chunk) {
      const pieces: ZstdPiece[] = [];
      let from = inFrame(state) ? 0 : -1;
      let at = 0;
      while (at < chunk.length) {
        if (collects()) {
          value += (chunk[at] ?? 0) * 2 ** (8 * taken);
          at++;
          taken++;
          need--;
        } else {
          const step = Math.min(need, chunk.length - at);
          at += step;
          need -= step;
        }
        while (need === 0) {
          if (advance()) {
            pieces.push({ bytes: chunk.subarray(from, at), endsFrame: true });
            from = -1;
          } else if (state === "descriptor") {
            pieces.push({ bytes: frameMagicBytes, endsFrame: false });
            from = at;
          }
        }
      }
      if (from >= 0 && from < chunk.length) {
        pieces.push({ bytes: chunk.subarray(from), endsFrame: false });
      }
      return pieces;
    },
    atFrameBoundary: () => state === "magic" && taken === 0,
  };
}

function inFrame(state: State): boolean {
  return state !== "magic" && state !== "skippable-size" && state !== "skippable";
}
