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

/** Where in the format the next byte stands. */
type Walk = {
  state: State;
  /** Bytes still to come in this state. */
  need: number;
  /** The little-endian number made of the bytes of this state so far, and their count. */
  value: number;
  taken: number;
  hasChecksum: boolean;
  lastBlock: boolean;
};

/**
 * Walks frame and block headers (RFC 8878 §3.1.1) to find where frames end. The zstd streams of
 * node:zlib differ between runtimes on what follows a frame, and none of them reports a cut one;
 * so each frame gets its own stream, and the cut is found here.
 */
export function zstdFrameSplitter(): ZstdFrameSplitter {
  const walk: Walk = {
    state: "magic",
    need: 4,
    value: 0,
    taken: 0,
    hasChecksum: false,
    lastBlock: false,
  };
  return {
    push: (chunk) => split(walk, chunk),
    atFrameBoundary: () => walk.state === "magic" && walk.taken === 0,
  };
}

function split(walk: Walk, chunk: Uint8Array): ZstdPiece[] {
  const pieces: ZstdPiece[] = [];
  let from = inFrame(walk.state) ? 0 : -1;
  let at = 0;
  while (at < chunk.length) {
    at += consume(walk, chunk, at);
    // A state may need no bytes, such as an empty block.
    while (walk.need === 0) {
      const endsFrame = advance(walk);
      if (endsFrame) {
        pieces.push({ bytes: chunk.subarray(from, at), endsFrame });
        from = -1;
      } else if (walk.state === "descriptor") {
        // The magic number may lie in the chunk before.
        pieces.push({ bytes: frameMagicBytes, endsFrame });
        from = at;
      }
    }
  }
  if (from >= 0 && from < chunk.length) {
    pieces.push({ bytes: chunk.subarray(from), endsFrame: false });
  }
  return pieces;
}

/** Takes bytes of the current state; returns how many. */
function consume(walk: Walk, chunk: Uint8Array, at: number): number {
  if (!collects(walk.state)) {
    const step = Math.min(walk.need, chunk.length - at);
    walk.need -= step;
    return step;
  }
  walk.value += (chunk[at] ?? 0) * 2 ** (8 * walk.taken);
  walk.taken++;
  walk.need--;
  return 1;
}

/** Leaves a state that has all its bytes; true when a frame has ended with it. */
function advance(walk: Walk): boolean {
  switch (walk.state) {
    case "magic":
      enterFrame(walk);
      return false;
    case "descriptor":
      enter(walk, "header", headerBytes(walk));
      return false;
    case "header":
      enter(walk, "block-header", 3);
      return false;
    case "block-header":
      enterBlock(walk);
      return false;
    case "block":
      if (!walk.lastBlock) enter(walk, "block-header", 3);
      else if (walk.hasChecksum) enter(walk, "checksum", 4);
      else return endFrame(walk);
      return false;
    case "checksum":
      return endFrame(walk);
    case "skippable-size":
      enter(walk, "skippable", walk.value);
      return false;
    case "skippable":
      enter(walk, "magic", 4);
      return false;
  }
}

function enter(walk: Walk, state: State, need: number): void {
  walk.state = state;
  walk.need = need;
  walk.value = 0;
  walk.taken = 0;
}

function enterFrame(walk: Walk): void {
  if (walk.value === frameMagic) enter(walk, "descriptor", 1);
  else if (((walk.value & 0xfffffff0) >>> 0) === skippableMagic) enter(walk, "skippable-size", 4);
  else throw new Error("something else follows where a frame must start or the input end");
}

/** Length of the rest of the frame header; `value` is its descriptor (RFC 8878 §3.1.1.1.1). */
function headerBytes(walk: Walk): number {
  const descriptor = walk.value;
  const singleSegment = (descriptor >> 5) & 1;
  const sizeFlag = descriptor >> 6;
  walk.hasChecksum = ((descriptor >> 2) & 1) === 1;
  const contentSize = sizeFlag === 0 ? singleSegment : contentSizeBytes[sizeFlag] ?? 0;
  return 1 - singleSegment + (dictionaryIdBytes[descriptor & 3] ?? 0) + contentSize;
}

function enterBlock(walk: Walk): void {
  const { value } = walk;
  walk.lastBlock = (value & 1) === 1;
  const kind = (value >> 1) & 3;
  if (kind === 3) throw new Error("a block of a reserved type");
  // A block of kind 1 is one byte that is repeated.
  enter(walk, "block", kind === 1 ? 1 : value >> 3);
}

function endFrame(walk: Walk): boolean {
  enter(walk, "magic", 4);
  return true;
}

function collects(state: State): boolean {
  return state === "magic" || state === "descriptor" || state === "block-header" ||
    state === "skippable-size";
}

function inFrame(state: State): boolean {
  return state !== "magic" && state !== "skippable-size" && state !== "skippable";
}
