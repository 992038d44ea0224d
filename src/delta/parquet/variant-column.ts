import { assert } from "../../errors.ts";
import type { BytesColumn, Column, ListColumn, StructColumn } from "../columns/column.ts";
import { columnBuilder } from "../columns/column-builder.ts";
import { bytesAt } from "../columns/column-value.ts";
import { valueToJson } from "../columns/row-json.ts";
import type { StructField, StructType } from "../schema/data-type.ts";
import { readFailure } from "./read-failure.ts";
import {
  nanosJson,
  objectJson,
  timeJson,
  uuidJson,
  variantJson,
  type VariantMember,
  variantMembers,
  type VariantNames,
  variantNames,
} from "./variant-binary.ts";
import { formKey } from "./variant-shape.ts";

/**
 * A column of JSON texts from a variant's group, read as the struct of `variantShape`; where it is
 * shredded the parts are put together again. Errors: `parquet` for values that are damaged.
 */
export function variantColumn(group: Column, type: StructType): BytesColumn {
  const texts = columnBuilder({ kind: "string" });
  if (group.kind === "struct") {
    const metadata = group.children[0];
    const read = groupReader(group, type);
    let names: { readonly metadata: Uint8Array; readonly names: VariantNames } | null = null;
    for (let row = 0; row < group.length; row++) {
      if (group.valid[row] !== 1) {
        texts.append(null);
        continue;
      }
      if (metadata?.kind !== "bytes" || metadata.valid[row] !== 1) {
        throw readFailure("a variant has no metadata");
      }
      const bytes = bytesAt(metadata, row);
      if (names === null || !equal(names.metadata, bytes)) {
        names = { metadata: bytes, names: variantNames(bytes) };
      }
      // A variant without any value is a fault of its writer, which readers take for null.
      texts.append(read(row, names.names) ?? "null");
    }
  } else for (let row = 0; row < group.length; row++) texts.append(null);
  const column = texts.finish();
  assert(column.kind === "bytes", "texts are bytes");
  return column;
}

/** The JSON text of a row; null where it has no value. */
type Read = (row: number, names: VariantNames) => string | null;

function groupReader(group: StructColumn, type: StructType): Read {
  const value = childOf(group, type, "value");
  const typed = childOf(group, type, "typed_value");
  const readTyped = typed === null ? null : typedReader(typed.column, typed.field);
  return (row, names) => {
    const bytes = value?.column.kind === "bytes" && value.column.valid[row] === 1
      ? bytesAt(value.column, row)
      : null;
    if (typed === null || readTyped === null || typed.column.valid[row] !== 1) {
      return bytes === null ? null : variantJson(names, bytes);
    }
    return readTyped(row, names, bytes);
  };
}

function childOf(
  group: StructColumn,
  type: StructType,
  name: string,
): { readonly column: Column; readonly field: StructField } | null {
  const at = type.fields.findIndex((field) => field.name === name);
  const field = type.fields[at];
  const column = group.children[at];
  return field === undefined || column === undefined ? null : { column, field };
}

/** `rest` is what stands in `value` beside it: fields of an object that were not shredded. */
type ReadTyped = (row: number, names: VariantNames, rest: Uint8Array | null) => string;

function typedReader(column: Column, { type, metadata }: StructField): ReadTyped {
  if (type.kind === "struct" && column.kind === "struct") return objectReader(column, type);
  const read = type.kind === "array" && column.kind === "list"
    ? listReader(column, type.elementType as StructType)
    : leafReader(column, { type, metadata });
  return (row, names, rest) => {
    if (rest !== null) throw readFailure("a shredded variant has a value besides its own");
    return read(row, names);
  };
}

function objectReader(column: StructColumn, type: StructType): ReadTyped {
  const readers = type.fields.map(({ name, type: group }, i): { name: string; read: Read } => {
    const child = column.children[i];
    if (child?.kind !== "struct" || group.kind !== "struct") return { name, read: () => null };
    const read = groupReader(child, group);
    return { name, read: (row, names) => child.valid[row] === 1 ? read(row, names) : null };
  });
  return (row, names, rest) => {
    const members: VariantMember[] = [];
    for (const { name, read } of readers) {
      const json = read(row, names);
      if (json !== null) members.push([name, json]);
    }
    if (rest !== null) {
      const others = variantMembers(names, rest);
      if (others === null) throw readFailure("a shredded object has a value that is no object");
      const known = new Set(readers.map((reader) => reader.name));
      // Shredded fields count where a writer left them in the rest as well.
      members.push(...others.filter(([name]) => !known.has(name)));
    }
    return objectJson(members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  };
}

function listReader(
  { offsets, element }: ListColumn,
  type: StructType,
): (row: number, names: VariantNames) => string {
  const read: Read = element.kind === "struct" ? groupReader(element, type) : () => null;
  return (row, names) => {
    const items: string[] = [];
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) {
      items.push((element.valid[i] === 1 ? read(i, names) : null) ?? "null");
    }
    return `[${items.join(",")}]`;
  };
}

function leafReader(
  column: Column,
  { type, metadata }: Pick<StructField, "type" | "metadata">,
): (row: number) => string {
  const form = metadata[formKey];
  if (column.kind === "int64") {
    const { values } = column;
    if (form === "time") return (row) => timeJson(values[row]!);
    if (form === "nanos") return (row) => nanosJson(values[row]!, "");
    if (form === "nanos-utc") return (row) => nanosJson(values[row]!, "Z");
  }
  if (column.kind === "bytes" && form === "uuid") return (row) => uuidJson(bytesAt(column, row));
  return valueToJson(column, type);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
