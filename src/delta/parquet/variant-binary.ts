import { dateText, decimalText, timestampText } from "../columns/value-text.ts";
import { base64, numberText } from "../columns/row-json.ts";
import { readFailure } from "./read-failure.ts";

/**
 * Values in Parquet's variant encoding as JSON text (parquet-format, "Variant Binary Encoding"), by
 * the rules of `batchToNdjson`. Errors: `parquet` for bytes that are none.
 */

/** The names of a variant's object fields, decoded when they are asked for. */
export type VariantNames = (id: number) => string;

/** A field of a variant object: its name and the JSON text of its value. */
export type VariantMember = readonly [name: string, json: string];

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Deeper values are refused, so that the walk may be recursive. */
const depthMax = 500;
/** Text of one value beyond this is refused: a small damaged value may unfold to any size. */
const jsonLengthMax = 256 << 20;

/** The names in a variant's `metadata`. */
export function variantNames(metadata: Uint8Array): VariantNames {
  const header = metadata[0] ?? 0;
  if ((header & 0x0f) !== 1) throw readFailure(`a variant has version ${header & 0x0f}, not 1`);
  const width = (header >>> 6) + 1;
  const size = unsigned(metadata, 1, width);
  const first = 1 + width;
  const data = first + (size + 1) * width;
  return (id) => {
    if (id >= size) throw readFailure(`a variant refers to name ${id} of ${size}`);
    const start = data + unsigned(metadata, first + id * width, width);
    const end = data + unsigned(metadata, first + (id + 1) * width, width);
    return decoder.decode(slice(metadata, start, end));
  };
}

/** The JSON text of a variant's `value`. */
export function variantJson(names: VariantNames, value: Uint8Array): string {
  return textAt({ names, value, unread: value.length, length: 0 }, 0, 0);
}

/** The fields of a `value` that is an object; null when it is something else. */
export function variantMembers(names: VariantNames, value: Uint8Array): VariantMember[] | null {
  if (value.length === 0 || (value[0]! & 3) !== 2) return null;
  return membersAt({ names, value, unread: value.length, length: 0 }, 0, 0);
}

/** Members as one JSON object, in the order of their names. */
export function objectJson(members: readonly VariantMember[]): string {
  return `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(",")}}`;
}

type Walk = {
  readonly names: VariantNames;
  readonly value: Uint8Array;
  /** Bytes not yet spent: values that share bytes would unfold without end. */
  unread: number;
  /** Of the text so far. */
  length: number;
};

function textAt(walk: Walk, at: number, depth: number): string {
  if (depth > depthMax) throw readFailure(`a variant is nested deeper than ${depthMax}`);
  const header = byteAt(walk.value, at);
  const rest = header >>> 2;
  switch (header & 3) {
    case 0:
      return counted(walk, primitiveText(walk, rest, at + 1));
    case 1:
      return counted(walk, JSON.stringify(decoder.decode(take(walk, at, at + 1, rest))));
    case 2:
      return objectJson(membersAt(walk, at, depth));
    default:
      return arrayText(walk, at, depth);
  }
}

function membersAt(walk: Walk, at: number, depth: number): VariantMember[] {
  const rest = byteAt(walk.value, at) >>> 2;
  const offsetWidth = (rest & 3) + 1;
  const idWidth = (rest >>> 2 & 3) + 1;
  const countWidth = (rest & 16) === 0 ? 1 : 4;
  const count = unsigned(walk.value, at + 1, countWidth);
  const ids = at + 1 + countWidth;
  const offsets = ids + count * idWidth;
  const data = offsets + (count + 1) * offsetWidth;
  take(walk, at, at, data - at);
  const members: VariantMember[] = [];
  for (let i = 0; i < count; i++) {
    const name = walk.names(unsigned(walk.value, ids + i * idWidth, idWidth));
    counted(walk, name);
    const start = data + unsigned(walk.value, offsets + i * offsetWidth, offsetWidth);
    members.push([name, textAt(walk, start, depth + 1)]);
  }
  return members;
}

function arrayText(walk: Walk, at: number, depth: number): string {
  const rest = byteAt(walk.value, at) >>> 2;
  const width = (rest & 3) + 1;
  const countWidth = (rest & 4) === 0 ? 1 : 4;
  const count = unsigned(walk.value, at + 1, countWidth);
  const offsets = at + 1 + countWidth;
  const data = offsets + (count + 1) * width;
  take(walk, at, at, data - at);
  const items: string[] = [];
  for (let i = 0; i < count; i++) {
    const start = data + unsigned(walk.value, offsets + i * width, width);
    items.push(textAt(walk, start, depth + 1));
  }
  return `[${items.join(",")}]`;
}

function primitiveText(walk: Walk, type: number, at: number): string {
  const view = (size: number): DataView => {
    const bytes = take(walk, at - 1, at, size);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
  const micros = (): bigint => view(8).getBigInt64(0, true);
  switch (type) {
    case 0:
      view(0);
      return "null";
    case 1:
    case 2:
      view(0);
      return type === 1 ? "true" : "false";
    case 3:
      return String(view(1).getInt8(0));
    case 4:
      return String(view(2).getInt16(0, true));
    case 5:
      return String(view(4).getInt32(0, true));
    case 6:
      return String(view(8).getBigInt64(0, true));
    case 7:
      return numberText(view(8).getFloat64(0, true));
    case 8:
    case 9:
    case 10:
      return variantDecimal(view(type === 8 ? 5 : type === 9 ? 9 : 17));
    case 11:
      return `"${dateText(view(4).getInt32(0, true))}"`;
    case 12:
      return `"${timestampText(micros())}Z"`;
    case 13:
      return `"${timestampText(micros())}"`;
    case 14:
      return numberText(view(4).getFloat32(0, true));
    case 15:
      return `"${base64(sized(walk, at))}"`;
    case 16:
      return JSON.stringify(decoder.decode(sized(walk, at)));
    case 17:
      return timeJson(micros());
    case 18:
    case 19:
      return nanosJson(micros(), type === 18 ? "Z" : "");
    case 20:
      return uuidJson(take(walk, at - 1, at, 16));
    default:
      throw readFailure(`a variant has a value of type ${type}, which is not known`);
  }
}

/** A scale, then an unscaled integer of 4, 8 or 16 bytes. */
function variantDecimal(view: DataView): string {
  const scale = view.getUint8(0);
  if (scale > 38) throw readFailure(`a variant has a decimal of scale ${scale}`);
  if (view.byteLength === 5) return decimalText(BigInt(view.getInt32(1, true)), scale);
  if (view.byteLength === 9) return decimalText(view.getBigInt64(1, true), scale);
  return decimalText(view.getBigInt64(9, true) << 64n | view.getBigUint64(1, true), scale);
}

/** Microseconds into a day as `"12:00:00.123456"`. */
export function timeJson(micros: bigint): string {
  return `"${timestampText(micros).slice("1970-01-01T".length)}"`;
}

/** Nanoseconds since the epoch, with all nine digits. */
export function nanosJson(nanos: bigint, zone: "Z" | ""): string {
  const rest = (nanos % 1000n + 1000n) % 1000n;
  const micros = (nanos - rest) / 1000n;
  return `"${timestampText(micros)}${String(rest).padStart(3, "0")}${zone}"`;
}

/** 16 bytes as `"00112233-4455-6677-8899-aabbccddeeff"`. */
export function uuidJson(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `"${hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")}"`;
}

function sized(walk: Walk, at: number): Uint8Array {
  return take(walk, at - 1, at + 4, unsigned(walk.value, at, 4));
}

/** The `size` bytes at `start` of a value that begins at `from`; they count as read. */
function take(walk: Walk, from: number, start: number, size: number): Uint8Array {
  const bytes = slice(walk.value, start, start + size);
  walk.unread -= start + size - from;
  if (walk.unread < 0) throw readFailure("values of a variant overlap");
  return bytes;
}

function counted(walk: Walk, text: string): string {
  walk.length += text.length;
  if (walk.length > jsonLengthMax) {
    throw readFailure(`a variant has more than ${jsonLengthMax} characters as JSON`);
  }
  return text;
}

function slice(bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (start > end || end > bytes.length) throw readFailure("a variant ends too early");
  return bytes.subarray(start, end);
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw readFailure("a variant ends too early");
  return byte;
}

/** A little-endian number of 1 to 4 bytes. */
function unsigned(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = width - 1; i >= 0; i--) value = value * 256 + byteAt(bytes, at + i);
  return value;
}
