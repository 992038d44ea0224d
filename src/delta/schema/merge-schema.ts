import type { DataType, StructField, StructType } from "./data-type.ts";
import { nameKey } from "./column-name.ts";
import { sameType } from "./type-name.ts";

/** A type that has to become another one. */
export type TypeChange = {
  /** Names from the root, joined by dots; `element`, `key` and `value` for arrays and maps. */
  readonly path: string;
  readonly from: DataType;
  readonly to: DataType;
};

/** One difference between a schema and what it was merged with. */
export type SchemaChange =
  | { readonly kind: "added"; readonly path: string; readonly field: StructField }
  | ({ readonly kind: "widened" } & TypeChange)
  /** A column that must now take nulls. */
  | { readonly kind: "relaxed"; readonly path: string }
  /** No type holds both: the base's type stays. */
  | ({ readonly kind: "incompatible" } & TypeChange);

export type MergedSchema = {
  readonly schema: StructType;
  readonly changes: readonly SchemaChange[];
};

/**
 * The smallest schema that holds the rows of both: fields keep the base's order, names and
 * metadata, new ones are appended as nullable, types widen by `widerType`. Names are compared
 * ignoring case. Pure.
 */
export function mergeSchema(base: StructType, added: StructType): MergedSchema {
  const changes: SchemaChange[] = [];
  return { schema: mergeStruct(base, added, [], changes), changes };
}

/**
 * Where `after` gives a column of `before` another type, nested ones included. New columns and
 * nullability are no type changes. Pure.
 */
export function findTypeChanges(before: StructType, after: StructType): TypeChange[] {
  const changes: TypeChange[] = [];
  compareTypes(before, after, [], changes);
  return changes;
}

function compareTypes(
  before: DataType,
  after: DataType,
  path: readonly string[],
  changes: TypeChange[],
): void {
  if (before.kind === "struct" && after.kind === "struct") {
    const fields = new Map(after.fields.map((field) => [nameKey(field.name), field]));
    for (const field of before.fields) {
      const other = fields.get(nameKey(field.name));
      if (other !== undefined) compareTypes(field.type, other.type, [...path, field.name], changes);
    }
  } else if (before.kind === "array" && after.kind === "array") {
    compareTypes(before.elementType, after.elementType, [...path, "element"], changes);
  } else if (before.kind === "map" && after.kind === "map") {
    compareTypes(before.keyType, after.keyType, [...path, "key"], changes);
    compareTypes(before.valueType, after.valueType, [...path, "value"], changes);
  } else if (!sameType(before, after)) {
    changes.push({ path: path.join("."), from: before, to: after });
  }
}

function mergeStruct(
  base: StructType,
  added: StructType,
  path: readonly string[],
  changes: SchemaChange[],
): StructType {
  const incoming = new Map(added.fields.map((field) => [nameKey(field.name), field]));
  const fields = base.fields.map((field) => {
    const other = incoming.get(nameKey(field.name));
    if (other === undefined) return field;
    incoming.delete(nameKey(field.name));
    return mergeField(field, other, [...path, field.name], changes);
  });
  for (const field of incoming.values()) {
    const at = [...path, field.name].join(".");
    const appended = { ...field, nullable: true };
    fields.push(appended);
    changes.push({ kind: "added", path: at, field: appended });
  }
  return { kind: "struct", fields };
}

function mergeField(
  base: StructField,
  added: StructField,
  path: readonly string[],
  changes: SchemaChange[],
): StructField {
  const relaxed = !base.nullable && added.nullable;
  if (relaxed) changes.push({ kind: "relaxed", path: path.join(".") });
  const type = mergeType(base.type, added.type, path, changes);
  return { ...base, type, nullable: base.nullable || added.nullable };
}

function mergeType(
  base: DataType,
  added: DataType,
  path: readonly string[],
  changes: SchemaChange[],
): DataType {
  if (base.kind === "struct" && added.kind === "struct") {
    return mergeStruct(base, added, path, changes);
  }
  if (base.kind === "array" && added.kind === "array") {
    const elementType = mergeType(
      base.elementType,
      added.elementType,
      [...path, "element"],
      changes,
    );
    return { ...base, elementType, containsNull: base.containsNull || added.containsNull };
  }
  if (base.kind === "map" && added.kind === "map") {
    return {
      kind: "map",
      keyType: mergeType(base.keyType, added.keyType, [...path, "key"], changes),
      valueType: mergeType(base.valueType, added.valueType, [...path, "value"], changes),
      valueContainsNull: base.valueContainsNull || added.valueContainsNull,
    };
  }
  const wider = widerType(base, added);
  const at = path.join(".");
  if (wider === null) {
    changes.push({ kind: "incompatible", path: at, from: base, to: added });
    return base;
  }
  if (!sameType(base, wider)) changes.push({ kind: "widened", path: at, from: base, to: wider });
  return wider;
}

/** Decimal digits that hold every value of an integer type. */
const integerDigits: Readonly<Record<string, number>> = {
  byte: 3,
  short: 5,
  integer: 10,
  long: 19,
};

/**
 * The closed ladder: for each kind the kinds it may become without losing a value. `decimal`
 * stands for the narrowest decimal that holds it.
 */
const ladder: Readonly<Record<string, readonly DataType["kind"][]>> = {
  byte: ["short", "integer", "long", "double", "decimal"],
  short: ["integer", "long", "double", "decimal"],
  integer: ["long", "double", "decimal"],
  long: ["decimal"],
  float: ["double"],
  date: ["timestamp_ntz"],
};

/**
 * The type that holds the values of both, one of the two or a decimal wider than both; null when
 * there is none. `void` gives way to everything. Not for structs, arrays and maps of different
 * content: see `mergeSchema`. Pure.
 */
export function widerType(a: DataType, b: DataType): DataType | null {
  if (sameType(a, b)) return a;
  if (a.kind === "void") return b;
  if (b.kind === "void") return a;
  if (a.kind === "decimal" || b.kind === "decimal") return widerDecimal(a, b);
  if (ladder[a.kind]?.includes(b.kind) === true) return b;
  if (ladder[b.kind]?.includes(a.kind) === true) return a;
  return null;
}

function widerDecimal(a: DataType, b: DataType): DataType | null {
  const left = digitsOf(a);
  const right = digitsOf(b);
  if (left === null || right === null) return null;
  const scale = Math.max(left.scale, right.scale);
  const precision = Math.max(left.whole, right.whole) + scale;
  return precision > 38 ? null : { kind: "decimal", precision, scale };
}

function digitsOf(type: DataType): { readonly whole: number; readonly scale: number } | null {
  if (type.kind === "decimal") return { whole: type.precision - type.scale, scale: type.scale };
  const whole = integerDigits[type.kind];
  return whole === undefined ? null : { whole, scale: 0 };
}
