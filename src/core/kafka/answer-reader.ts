import { Buffer } from "node:buffer";
import { CdcDeltaError } from "../../errors.ts";

/**
 * Reads a broker's answer, in the classic form or in the flexible one of newer versions. Bytes are
 * views of the answer. What does not fit into it is an error (`kafka`), never a short value.
 */
export type AnswerReader = {
  readonly int8: () => number;
  readonly int16: () => number;
  readonly int32: () => number;
  readonly int64: () => bigint;
  readonly boolean: () => boolean;
  readonly string: () => string;
  readonly nullableString: () => string | null;
  readonly bytes: () => Buffer;
  readonly nullableBytes: () => Buffer | null;
  /** A null array is read as an empty one. */
  readonly array: <T>(read: () => T) => T[];
  /** 32 hex digits. */
  readonly uuid: () => string;
  /** The end of a structure: tagged fields are skipped. */
  readonly tags: () => void;
  /** Remembers for how long the broker wants to be left alone. */
  readonly throttle: () => void;
  readonly throttledMs: () => number;
};

/** `flexible`: lengths are compact and structures end with tagged fields. */
export function answerReader(buffer: Buffer, flexible: boolean): AnswerReader {
  let at = 0;
  let throttledMs = 0;

  /** Where the next `size` bytes begin. */
  function take(size: number): number {
    if (size < 0 || at + size > buffer.length) {
      throw new CdcDeltaError(
        "kafka",
        `An answer ends early: ${size} bytes at ${at} of ${buffer.length} were announced.`,
      );
    }
    at += size;
    return at - size;
  }

  function unsignedVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = buffer.readUInt8(take(1));
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new CdcDeltaError("kafka", `An answer has a number of more than 32 bits at ${at}.`);
  }

  /** -1: null. */
  function length(wide: boolean): number {
    if (flexible) return unsignedVarint() - 1;
    return wide ? buffer.readInt32BE(take(4)) : buffer.readInt16BE(take(2));
  }

  function view(size: number): Buffer {
    const start = take(size);
    return buffer.subarray(start, start + size);
  }

  function nullableString(): string | null {
    const size = length(false);
    return size === -1 ? null : view(size).toString("utf8");
  }

  function nullableBytes(): Buffer | null {
    const size = length(true);
    return size === -1 ? null : view(size);
  }

  return {
    int8: () => buffer.readInt8(take(1)),
    int16: () => buffer.readInt16BE(take(2)),
    int32: () => buffer.readInt32BE(take(4)),
    int64: () => buffer.readBigInt64BE(take(8)),
    boolean: () => buffer.readInt8(take(1)) !== 0,
    string: () => nullableString() ?? "",
    nullableString,
    bytes: () => nullableBytes() ?? noBytes,
    nullableBytes,
    array(read) {
      const count = length(true);
      const items = [];
      for (let index = 0; index < count; index++) items.push(read());
      return items;
    },
    uuid: () => view(16).toString("hex"),
    tags() {
      if (!flexible) return;
      const count = unsignedVarint();
      for (let index = 0; index < count; index++) {
        unsignedVarint();
        take(unsignedVarint());
      }
    },
    throttle() {
      throttledMs = buffer.readInt32BE(take(4));
    },
    throttledMs: () => throttledMs,
  };
}

const noBytes = Buffer.alloc(0);
