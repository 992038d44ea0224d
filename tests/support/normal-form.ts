import { Buffer } from "node:buffer";
import type { Value } from "../../src/delta/columns/column-builder.ts";
import type { DataType, StructType } from "../../src/delta/schema/data-type.ts";

/** A value as every reader prints it; scripts/readers/normalise.py says what the texts mean. */
export type NormalValue =
  | null
  | string
  | readonly NormalValue[]
  | { readonly [name: string]: NormalValue };

export type NormalRow = { readonly [name: string]: NormalValue };

/** The normal form of rows a test wrote; an absent field is null. */
export function normalRows(
  rows: readonly { readonly [name: string]: Value }[],
  schema: StructType,
): NormalRow[] {
  return rows.map((row) => normalStruct(row, schema));
}

/** The normal form of one value of a type. */
export function normalValue(value: Value | undefined, type: DataType): NormalValue {
  if (value === null || value === undefined) return null;
  switch (type.kind) {
    case "boolean":
      return `b:${scalarText(value)}`;
    case "byte":
    case "short":
    case "integer":
    case "long":
      return `i:${scalarText(value)}`;
    case "float":
      return normalFloat(Math.fround(Number(value)));
    case "double":
      return normalFloat(Number(value));
    case "decimal":
      return `d:${decimalText(value as bigint, type.scale)}`;
    case "string":
      return `s:${scalarText(value)}`;
    case "binary":
      return `x:${Buffer.from(value as Uint8Array).toString("hex")}`;
    case "date":
      return `D:${scalarText(value)}`;
    case "timestamp":
      return `t:${scalarText(value)}Z`;
    case "timestamp_ntz":
      return `t:${scalarText(value)}`;
    case "array":
      return (value as readonly Value[]).map((element) => normalValue(element, type.elementType));
    case "struct":
      return normalStruct(value as { readonly [name: string]: Value }, type);
    case "map": {
      const entries = [...(value as ReadonlyMap<Value, Value>)].map(([key, item]) => [
        normalValue(key, type.keyType),
        normalValue(item, type.valueType),
      ]);
      return { $map: entries.sort((a, b) => compareText(textOf(a[0]), textOf(b[0]))) };
    }
    case "variant":
      return `v:${scalarText(value)}`;
    case "void":
      throw new TypeError(`no normal form for ${type.kind}`);
  }
}

/** Text of a normal value that is equal for equal values, whatever the order of their fields. */
export function textOf(value: NormalValue | undefined): string {
  return JSON.stringify(
    value,
    (_key, item: unknown) =>
      typeof item === "object" && item !== null && !Array.isArray(item)
        ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => compareText(a, b)))
        : item,
  );
}

function normalStruct(row: { readonly [name: string]: Value }, type: StructType): NormalRow {
  return Object.fromEntries(type.fields.map((f) => [f.name, normalValue(row[f.name], f.type)]));
}

function scalarText(value: Value): string {
  if (typeof value === "object") throw new TypeError("a list or struct where a scalar should be");
  return String(value);
}

function normalFloat(value: number): string {
  if (Number.isNaN(value)) return "f:NaN";
  const bits = Buffer.alloc(8);
  bits.writeDoubleBE(value);
  return `f:${bits.toString("hex")}`;
}

function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  const sign = unscaled < 0n ? "-" : "";
  const point = digits.length - scale;
  return sign + digits.slice(0, point) + (scale === 0 ? "" : `.${digits.slice(point)}`);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
