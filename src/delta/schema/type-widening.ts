import { nameKey } from "./column-name.ts";
import type { DataType, DecimalType, JsonValue, StructField, StructType } from "./data-type.ts";
import { sameType } from "./type-name.ts";

/** The key of a field's recorded type changes (PROTOCOL.md, "Type Change Metadata"). */
export const typeChangesKey = "delta.typeChanges";

type Integer = {
  readonly width: number;
  /** Digits before the point that the protocol asks of a decimal. */
  readonly digits: number;
  /** Digits that its values have; earlier writers asked for no more. */
  readonly digitsUsed: number;
};

const integers: Readonly<Record<string, Integer>> = {
  byte: { width: 1, digits: 10, digitsUsed: 3 },
  short: { width: 2, digits: 10, digitsUsed: 5 },
  integer: { width: 4, digits: 10, digitsUsed: 10 },
  long: { width: 8, digits: 20, digitsUsed: 19 },
};

/** Whether the protocol's Type Widening lets a column of `from` become one of `to`. */
export function featureAllowsChange(from: DataType, to: DataType): boolean {
  const integer = integers[from.kind];
  switch (to.kind) {
    case "short":
    case "integer":
    case "long":
      return integer !== undefined && integer.width < integers[to.kind]!.width;
    case "double":
      return from.kind === "float" || (integer !== undefined && from.kind !== "long");
    case "timestamp_ntz":
      return from.kind === "date";
    case "decimal":
      if (from.kind === "decimal") return isWiderDecimal(from.precision, from.scale, to);
      return integer !== undefined && isWiderDecimal(integer.digits, 0, to);
    default:
      return false;
  }
}

/** The point may move right only as far as digits are gained. */
function isWiderDecimal(precision: number, scale: number, to: DecimalType): boolean {
  const moreScale = to.scale - scale;
  return moreScale >= 0 && to.precision - precision >= moreScale;
}

/** One recorded change; `fieldPath` is empty where the field itself changed. */
export type RecordedChange = {
  readonly fromType: string;
  readonly toType: string;
  readonly fieldPath: string;
};

/**
 * `after` with its type changes against `before` added to the metadata of the nearest struct field,
 * behind those recorded earlier. Fields that `before` lacks are left as they are. Pure.
 */
export function recordTypeChanges(before: StructType, after: StructType): StructType {
  const known = new Map(before.fields.map((field) => [nameKey(field.name), field]));
  const fields = after.fields.map((field) => {
    const old = known.get(nameKey(field.name));
    return old === undefined ? field : recordInField(old, field);
  });
  return { kind: "struct", fields };
}

function recordInField(before: StructField, after: StructField): StructField {
  const changes: RecordedChange[] = [];
  const type = recordInType(before.type, after.type, [], changes);
  if (changes.length === 0) return { ...after, type };
  const earlier = before.metadata[typeChangesKey];
  const added = changes.map(({ fromType, toType, fieldPath }): JsonValue =>
    fieldPath === "" ? { fromType, toType } : { fromType, toType, fieldPath }
  );
  const all = [...Array.isArray(earlier) ? earlier as readonly JsonValue[] : [], ...added];
  return { ...after, type, metadata: { ...after.metadata, [typeChangesKey]: all } };
}

/** Records in structs further down; changes that belong to the field above go to `changes`. */
function recordInType(
  before: DataType,
  after: DataType,
  path: readonly string[],
  changes: RecordedChange[],
): DataType {
  if (before.kind === "struct" && after.kind === "struct") return recordTypeChanges(before, after);
  if (before.kind === "array" && after.kind === "array") {
    const at = [...path, "element"];
    const elementType = recordInType(before.elementType, after.elementType, at, changes);
    return { ...after, elementType };
  }
  if (before.kind === "map" && after.kind === "map") {
    const keyType = recordInType(before.keyType, after.keyType, [...path, "key"], changes);
    const valueType = recordInType(before.valueType, after.valueType, [...path, "value"], changes);
    return { ...after, keyType, valueType };
  }
  if (before.kind !== "void" && !sameType(before, after)) {
    const fieldPath = path.join(".");
    changes.push({ fromType: jsonTypeName(before), toType: jsonTypeName(after), fieldPath });
  }
  return after;
}

/** A primitive type as schemas spell it in JSON. */
function jsonTypeName(type: DataType): string {
  return type.kind === "decimal" ? `decimal(${type.precision},${type.scale})` : type.kind;
}

/**
 * The recorded changes of a schema that this reader cannot follow, as `from to` texts. Empty: files
 * written before the changes can be read with the types of today. Pure.
 */
export function unsupportedTypeChanges(schema: DataType): string[] {
  switch (schema.kind) {
    case "struct":
      return schema.fields.flatMap((field) => [
        ...recordedChanges(field).filter(([from, to]) => !isReadable(from, to))
          .map((pair) => pair.join(" ")),
        ...unsupportedTypeChanges(field.type),
      ]);
    case "array":
      return unsupportedTypeChanges(schema.elementType);
    case "map":
      return [
        ...unsupportedTypeChanges(schema.keyType),
        ...unsupportedTypeChanges(schema.valueType),
      ];
    default:
      return [];
  }
}

function recordedChanges(field: StructField): (readonly [string, string])[] {
  const changes = field.metadata[typeChangesKey];
  if (!Array.isArray(changes)) return [];
  return (changes as readonly JsonValue[]).map((change) => {
    const { fromType, toType } = (change ?? {}) as { readonly [key: string]: JsonValue };
    return [textOf(fromType), textOf(toType)];
  });
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "?";
}

function isReadable(from: string, to: string): boolean {
  const fromType = primitiveOf(from);
  const toType = primitiveOf(to);
  if (fromType === null || toType === null) return false;
  if (featureAllowsChange(fromType, toType)) return true;
  // delta-spark's preview of the feature counted the digits that a byte or a short really has.
  const digits = { byte: 3, short: 5 }[fromType.kind as "byte"];
  return digits !== undefined && toType.kind === "decimal" && isWiderDecimal(digits, 0, toType);
}

const widenable: ReadonlySet<string> = new Set([
  "byte",
  "short",
  "integer",
  "long",
  "float",
  "double",
  "date",
  "timestamp_ntz",
]);

function primitiveOf(name: string): DataType | null {
  const decimal = /^decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)$/.exec(name);
  if (decimal !== null) {
    return { kind: "decimal", precision: Number(decimal[1]), scale: Number(decimal[2]) };
  }
  return widenable.has(name) ? { kind: name as "byte" } : null;
}
