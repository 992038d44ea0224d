import { Buffer } from "node:buffer";

/** Writes a request's body, in the classic form or in the flexible one of newer versions. */
export type RequestWriter = {
  readonly int8: (value: number) => void;
  readonly int16: (value: number) => void;
  readonly int32: (value: number) => void;
  readonly int64: (value: bigint) => void;
  readonly boolean: (value: boolean) => void;
  readonly string: (value: string | null) => void;
  readonly bytes: (value: Uint8Array | null) => void;
  /** Null and an empty array are two things to Kafka. */
  readonly array: <T>(items: readonly T[] | null, write: (item: T) => void) => void;
  /** Bytes as they are, without a length. */
  readonly raw: (value: Uint8Array) => void;
  /** The end of a structure: no tagged fields. */
  readonly tags: () => void;
  /** What was written so far. */
  readonly written: () => Buffer;
};

/** `flexible`: lengths are compact and structures end with tagged fields. */
export function requestWriter(flexible: boolean): RequestWriter {
  let buffer = Buffer.allocUnsafe(512);
  let end = 0;

  function room(size: number): number {
    if (end + size > buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, end + size));
      buffer.copy(larger, 0, 0, end);
      buffer = larger;
    }
    end += size;
    return end - size;
  }

  function raw(value: Uint8Array): void {
    const at = room(value.length);
    buffer.set(value, at);
  }

  function byte(value: number): void {
    const at = room(1);
    buffer[at] = value;
  }

  function int16(value: number): void {
    const at = room(2);
    buffer.writeInt16BE(value, at);
  }

  function int32(value: number): void {
    const at = room(4);
    buffer.writeInt32BE(value, at);
  }

  function int64(value: bigint): void {
    const at = room(8);
    buffer.writeBigInt64BE(value, at);
  }

  function unsignedVarint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    byte(rest);
  }

  function length(value: number | null, wide: boolean): void {
    if (flexible) unsignedVarint(value === null ? 0 : value + 1);
    else if (wide) int32(value ?? -1);
    else int16(value ?? -1);
  }

  return {
    int8: (value) => byte(value & 0xff),
    int16,
    int32,
    int64,
    boolean: (value) => byte(value ? 1 : 0),
    string(value) {
      const bytes = value === null ? null : Buffer.from(value, "utf8");
      length(bytes?.length ?? null, false);
      if (bytes !== null) raw(bytes);
    },
    bytes(value) {
      length(value?.length ?? null, true);
      if (value !== null) raw(value);
    },
    array(items, write) {
      length(items?.length ?? null, true);
      for (const item of items ?? []) write(item);
    },
    raw,
    tags() {
      if (flexible) unsignedVarint(0);
    },
    written: () => buffer.subarray(0, end),
  };
}
