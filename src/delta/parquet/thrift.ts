/** Thrift's compact protocol, the writing half; structs are written field by field, in id order. */
export type ThriftWriter = {
  /** A field that holds a struct; ends with `endStruct`. */
  structField(id: number): void;
  /** A struct as a list element; ends with `endStruct`. */
  structElement(): void;
  endStruct(): void;
  /** i16, i32 and i64 have one form; the value must be a safe integer. */
  i32Field(id: number, value: number): void;
  i64Field(id: number, value: number): void;
  i16Field(id: number, value: number): void;
  boolField(id: number, value: boolean): void;
  binaryField(id: number, value: Uint8Array | string): void;
  /** Followed by `size` elements of `type`. */
  listField(id: number, type: ThriftElement, size: number): void;
  i32Element(value: number): void;
  binaryElement(value: Uint8Array | string): void;
  /** The bytes so far, a view that the next write may change. */
  bytes(): Uint8Array;
  /** Forgets everything; the struct at the root begins anew. */
  reset(): void;
};

const types = {
  true: 1,
  false: 2,
  i16: 4,
  i32: 5,
  i64: 6,
  binary: 8,
  list: 9,
  struct: 12,
} as const;

export type ThriftElement = "i32" | "binary" | "struct";

const encoder = new TextEncoder();

/** A writer positioned in a root struct, whose end is written with `endStruct`. */
export function thriftWriter(): ThriftWriter {
  let buffer = new Uint8Array(256);
  let at = 0;
  let lastId = 0;
  const outer: number[] = [];

  const byte = (value: number): void => {
    if (at === buffer.length) room(1);
    buffer[at++] = value;
  };
  const room = (size: number): void => {
    if (at + size <= buffer.length) return;
    const bigger = new Uint8Array(Math.max(buffer.length * 2, at + size));
    bigger.set(buffer);
    buffer = bigger;
  };
  const varint = (value: number): void => {
    let rest = value;
    // Division instead of shifts: sizes and offsets exceed 32 bits.
    while (rest >= 128) {
      byte(rest % 128 | 128);
      rest = Math.floor(rest / 128);
    }
    byte(rest);
  };
  const zigzag = (value: number): void => varint(value < 0 ? -2 * value - 1 : 2 * value);
  const header = (id: number, type: number): void => {
    const delta = id - lastId;
    if (delta > 0 && delta < 16) byte(delta << 4 | type);
    else {
      byte(type);
      zigzag(id);
    }
    lastId = id;
  };
  const binary = (value: Uint8Array | string): void => {
    const bytes = typeof value === "string" ? encoder.encode(value) : value;
    varint(bytes.length);
    room(bytes.length);
    buffer.set(bytes, at);
    at += bytes.length;
  };
  const enter = (): void => {
    outer.push(lastId);
    lastId = 0;
  };

  return {
    structField(id) {
      header(id, types.struct);
      enter();
    },
    structElement: enter,
    endStruct() {
      byte(0);
      lastId = outer.pop() ?? 0;
    },
    i32Field(id, value) {
      header(id, types.i32);
      zigzag(value);
    },
    i64Field(id, value) {
      header(id, types.i64);
      zigzag(value);
    },
    i16Field(id, value) {
      header(id, types.i16);
      zigzag(value);
    },
    boolField(id, value) {
      header(id, value ? types.true : types.false);
    },
    binaryField(id, value) {
      header(id, types.binary);
      binary(value);
    },
    listField(id, type, size) {
      header(id, types.list);
      if (size < 15) byte(size << 4 | types[type]);
      else {
        byte(0xf0 | types[type]);
        varint(size);
      }
    },
    i32Element: zigzag,
    binaryElement: binary,
    bytes: () => buffer.subarray(0, at),
    reset() {
      at = 0;
      lastId = 0;
      outer.length = 0;
    },
  };
}
