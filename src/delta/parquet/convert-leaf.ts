import type { SchemaElement } from "hyparquet";
import type { Column } from "../columns/column.ts";
import type { DataType, DecimalType } from "../schema/data-type.ts";
import type { LeafData } from "./chunk-reader.ts";
import type { PhysicalValues } from "./physical-values.ts";
import { readFailure } from "./read-failure.ts";

/** Which value each row has: `rows[k]` is the row of value `k`; null: value `k` is row `k`. */
export type Placement = {
  readonly length: number;
  readonly valid: Uint8Array;
  readonly rows: Int32Array | null;
};

/**
 * The column of `type` from a leaf's values, widened where the file has a narrower type. Errors:
 * `parquet` when the file's type is another one or a value does not fit.
 */
export function convertLeaf(
  { values, present }: LeafData,
  element: SchemaElement,
  type: DataType,
  { length, valid, rows }: Placement,
  path: string,
): Column {
  const refuse = (why?: string): never => {
    throw wrongType(element, type, path, why);
  };
  switch (type.kind) {
    case "boolean":
      if (values.kind !== "boolean") return refuse();
      return { kind: "boolean", length, valid, values: spread(values.values, rows, length) };
    case "byte":
    case "short":
    case "integer":
    case "date": {
      const numbers = int32s(values, present, element, type, refuse);
      return { kind: "int32", length, valid, values: spread(numbers, rows, length) };
    }
    case "long":
      return {
        kind: "int64",
        length,
        valid,
        values: longs(values, present, element, refuse, rows, length),
      };
    case "timestamp":
    case "timestamp_ntz": {
      const micros = timestamps(values, present, element, refuse);
      return { kind: "int64", length, valid, values: spreadWide(micros, rows, length, 1) };
    }
    case "float":
      if (values.kind !== "float") return refuse();
      return { kind: "float", length, valid, values: spread(values.values, rows, length) };
    case "double": {
      if (values.kind === "double") {
        return { kind: "double", length, valid, values: spread(values.values, rows, length) };
      }
      const isNarrower = values.kind === "float" ||
        (values.kind === "int32" && !isDecimal(element));
      if (!isNarrower || element.converted_type === "UINT_32") return refuse();
      return {
        kind: "double",
        length,
        valid,
        values: spread(Float64Array.from(values.values), rows, length),
      };
    }
    case "decimal": {
      const unscaled = decimals(values, present, element, type, refuse);
      return { kind: "decimal128", length, valid, values: spreadWide(unscaled, rows, length, 2) };
    }
    case "string":
    case "binary":
      if (values.kind !== "bytes" && (values.kind !== "fixed" || element.type === "INT96")) {
        return refuse();
      }
      return { kind: "bytes", length, valid, ...byteRanges(values, present, rows, length) };
    default:
      return refuse();
  }
}

type Refuse = (why?: string) => never;

function isDecimal(element: SchemaElement): boolean {
  return element.converted_type === "DECIMAL" || element.logical_type?.type === "DECIMAL";
}

function wrongType(element: SchemaElement, type: DataType, path: string, why?: string): Error {
  const annotation = element.logical_type?.type ?? element.converted_type;
  const found = `${element.type}${annotation === undefined ? "" : ` (${annotation})`}`;
  const wanted = type.kind === "decimal" ? `decimal(${type.precision},${type.scale})` : type.kind;
  return readFailure(
    `column '${path}' is ${found} in it, which cannot be read as ${wanted}` +
      (why === undefined ? "" : `: ${why}`),
  );
}

function spread<T extends Uint8Array | Int32Array | Float32Array | Float64Array>(
  values: T,
  rows: Int32Array | null,
  length: number,
): T {
  if (rows === null) return values;
  const into = new (values.constructor as new (n: number) => T)(length);
  for (let i = 0; i < rows.length; i++) into[rows[i]!] = values[i]!;
  return into;
}

function spreadWide(
  values: BigInt64Array,
  rows: Int32Array | null,
  length: number,
  width: 1 | 2,
): BigInt64Array {
  if (rows === null) return values;
  const from = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
  const words = 2 * width;
  const into = new Int32Array(length * words);
  for (let i = 0; i < rows.length; i++) {
    for (let w = 0; w < words; w++) into[rows[i]! * words + w] = from[i * words + w]!;
  }
  return new BigInt64Array(into.buffer);
}

function int32s(
  values: PhysicalValues,
  present: number,
  element: SchemaElement,
  type: DataType,
  refuse: Refuse,
): Int32Array {
  if (values.kind !== "int32" || isDecimal(element)) return refuse();
  const limit = type.kind === "byte" ? 0x80 : type.kind === "short" ? 0x8000 : 0x80000000;
  const isUnsigned32 = element.converted_type === "UINT_32";
  for (let i = 0; i < present; i++) {
    const value = values.values[i]!;
    if (value < -limit || value >= limit || (isUnsigned32 && value < 0)) {
      return refuse(`the value ${isUnsigned32 ? value >>> 0 : value} does not fit`);
    }
  }
  return values.values;
}

function longs(
  values: PhysicalValues,
  present: number,
  element: SchemaElement,
  refuse: Refuse,
  rows: Int32Array | null,
  length: number,
): BigInt64Array {
  if (isDecimal(element) || element.logical_type?.type === "TIMESTAMP") return refuse();
  const isUnsigned = element.converted_type?.startsWith("UINT_") === true ||
    (element.logical_type?.type === "INTEGER" && !element.logical_type.isSigned);
  if (values.kind === "int64") {
    if (isUnsigned) {
      for (let i = 0; i < present; i++) {
        if (values.values[i]! < 0n) return refuse("an unsigned value exceeds 2^63 - 1");
      }
    }
    return spreadWide(values.values, rows, length, 1);
  }
  if (values.kind !== "int32") return refuse();
  const into = new BigInt64Array(length);
  const words = new Int32Array(into.buffer);
  for (let i = 0; i < present; i++) {
    const row = rows === null ? i : rows[i]!;
    const value = values.values[i]!;
    words[2 * row] = value;
    words[2 * row + 1] = isUnsigned ? 0 : value >> 31;
  }
  return into;
}

const julianDayOfEpoch = 2440588n;
const microsPerDay = 86_400_000_000n;

/** Microseconds since the epoch. Finer times are cut off towards the past, as Delta has no finer ones. */
function timestamps(
  values: PhysicalValues,
  present: number,
  element: SchemaElement,
  refuse: Refuse,
): BigInt64Array {
  if (values.kind === "fixed" && element.type === "INT96") return julianTimes(values.data, present);
  if (values.kind === "int32" && element.converted_type === "DATE") {
    const into = new BigInt64Array(present);
    for (let i = 0; i < present; i++) into[i] = BigInt(values.values[i]!) * microsPerDay;
    return into;
  }
  if (values.kind !== "int64" || isDecimal(element)) return refuse();
  const unit = element.logical_type?.type === "TIMESTAMP"
    ? element.logical_type.unit
    : element.converted_type === "TIMESTAMP_MILLIS"
    ? "MILLIS"
    : "MICROS";
  if (unit === "MICROS") return values.values;
  const into = new BigInt64Array(present);
  for (let i = 0; i < present; i++) {
    const value = values.values[i]!;
    if (unit === "NANOS") {
      into[i] = (value - ((value % 1000n) + 1000n) % 1000n) / 1000n;
    } else {
      const micros = value * 1000n;
      if (BigInt.asIntN(64, micros) !== micros) return refuse(`${value} ms exceed 64 bits as µs`);
      into[i] = micros;
    }
  }
  return into;
}

/** INT96: nanoseconds of the day, then the Julian day. */
function julianTimes(data: Uint8Array, present: number): BigInt64Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const into = new BigInt64Array(present);
  for (let i = 0; i < present; i++) {
    const nanos = view.getBigInt64(12 * i, true);
    const day = BigInt(view.getInt32(12 * i + 8, true));
    const micros = (nanos - ((nanos % 1000n) + 1000n) % 1000n) / 1000n;
    into[i] = (day - julianDayOfEpoch) * microsPerDay + micros;
  }
  return into;
}

/** Pairs of 64-bit halves, rescaled to the wanted scale. */
function decimals(
  values: PhysicalValues,
  present: number,
  element: SchemaElement,
  type: DecimalType,
  refuse: Refuse,
): BigInt64Array {
  const isBytes = values.kind === "bytes" || (values.kind === "fixed" && element.type !== "INT96");
  const isInteger = values.kind === "int32" || values.kind === "int64";
  if (!isInteger && !(isBytes && isDecimal(element))) return refuse();
  const scale = isDecimal(element)
    ? element.scale ?? (element.logical_type?.type === "DECIMAL" ? element.logical_type.scale : 0)
    : 0;
  if (scale > type.scale) return refuse(`its scale is ${scale}`);
  const factor = 10n ** BigInt(type.scale - scale);
  const limit = 10n ** BigInt(type.precision);
  const into = new BigInt64Array(present * 2);
  for (let i = 0; i < present; i++) {
    const value = unscaledAt(values, i) * factor;
    if (value >= limit || value <= -limit) {
      return refuse(`the unscaled value ${value} does not fit`);
    }
    into[2 * i] = value;
    into[2 * i + 1] = value >> 64n;
  }
  return into;
}

function unscaledAt(values: PhysicalValues, at: number): bigint {
  switch (values.kind) {
    case "int32":
      return BigInt(values.values[at]!);
    case "int64":
      return values.values[at]!;
    case "fixed":
      return bigEndian(values.data, at * values.width, (at + 1) * values.width);
    case "bytes":
      return bigEndian(values.data, values.offsets[at]!, values.offsets[at + 1]!);
    default:
      return 0n;
  }
}

function bigEndian(data: Uint8Array, start: number, end: number): bigint {
  let value = 0n;
  let word = 0;
  let held = 0;
  for (let i = start; i < end; i++) {
    word = word << 8 | data[i]!;
    if (++held === 3) {
      value = value << 24n | BigInt(word);
      word = 0;
      held = 0;
    }
  }
  value = value << BigInt(8 * held) | BigInt(word);
  return BigInt.asIntN(8 * (end - start), value);
}

function byteRanges(
  values: PhysicalValues & { readonly kind: "bytes" | "fixed" },
  present: number,
  rows: Int32Array | null,
  length: number,
): { offsets: Int32Array; data: Uint8Array } {
  const offsets = new Int32Array(length + 1);
  const endOf = (i: number): number =>
    values.kind === "bytes" ? values.offsets[i + 1]! : (i + 1) * values.width;
  if (rows === null && values.kind === "bytes") {
    return { offsets: values.offsets.subarray(0, length + 1), data: values.data };
  }
  let row = 0;
  let end = 0;
  for (let i = 0; i < present; i++) {
    const next = rows === null ? i : rows[i]!;
    while (row < next) offsets[++row] = end;
    end = endOf(i);
    offsets[++row] = end;
  }
  while (row < length) offsets[++row] = end;
  return { offsets, data: values.data };
}
