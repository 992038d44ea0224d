import { append, appendByte, appendVarint, type ByteSink, byteSink, written } from "./byte-sink.ts";

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
  /** Of lists of i32 and i64. */
  i32Element(value: number): void;
  boolElement(value: boolean): void;
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

export type ThriftElement = "true" | "i32" | "i64" | "binary" | "struct";

const encoder = new TextEncoder();

function zigzag(sink: ByteSink, value: number): void {
  appendVarint(sink, value < 0 ? -2 * value - 1 : 2 * value);
}

function binary(sink: ByteSink, value: Uint8Array | string): void {
  const bytes = typeof value === "string" ? encoder.encode(value) : value;
  appendVarint(sink, bytes.length);
  append(sink, bytes);
}

/** A writer positioned in a root struct, whose end is written with `endStruct`. */
export function thriftWriter(): ThriftWriter {
  const sink = byteSink(256);
  let lastId = 0;
  const outer: number[] = [];
  const header = (id: number, type: number): void => {
    const delta = id - lastId;
    if (delta > 0 && delta < 16) appendByte(sink, delta << 4 | type);
    else {
      appendByte(sink, type);
      zigzag(sink, id);
    }
    lastId = id;
  };
  const integerField = (type: number) => (id: number, value: number): void => {
    header(id, type);
    zigzag(sink, value);
  };
  const structElement = (): void => {
    outer.push(lastId);
    lastId = 0;
  };
  return {
    structField(id) {
      header(id, types.struct);
      structElement();
    },
    structElement,
    endStruct() {
      appendByte(sink, 0);
      lastId = outer.pop() ?? 0;
    },
    i16Field: integerField(types.i16),
    i32Field: integerField(types.i32),
    i64Field: integerField(types.i64),
    boolField(id, value) {
      header(id, value ? types.true : types.false);
    },
    binaryField(id, value) {
      header(id, types.binary);
      binary(sink, value);
    },
    listField(id, type, size) {
      header(id, types.list);
      if (size < 15) appendByte(sink, size << 4 | types[type]);
      else {
        appendByte(sink, 0xf0 | types[type]);
        appendVarint(sink, size);
      }
    },
    i32Element: (value) => zigzag(sink, value),
    boolElement: (value) => appendByte(sink, value ? types.true : types.false),
    binaryElement: (value) => binary(sink, value),
    bytes: () => written(sink),
    reset() {
      sink.at = 0;
      lastId = 0;
      outer.length = 0;
    },
  };
}
