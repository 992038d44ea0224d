/**
 * Delta's types (PROTOCOL.md, "Schema Serialization Format") as readonly values that survive
 * `structuredClone`, so that schemas travel between threads.
 */
export type PrimitiveKind =
  | "string"
  | "long"
  | "integer"
  | "short"
  | "byte"
  | "float"
  | "double"
  | "boolean"
  | "binary"
  | "date"
  | "timestamp"
  | "timestamp_ntz"
  | "void"
  | "variant";

export type PrimitiveType = {
  readonly kind: PrimitiveKind;
  /** Of variants: columns hold them as they are stored (a struct of two binaries), not as JSON. */
  readonly stored?: true;
};
export type DecimalType = {
  readonly kind: "decimal";
  readonly precision: number;
  readonly scale: number;
};
export type ArrayType = {
  readonly kind: "array";
  readonly elementType: DataType;
  readonly containsNull: boolean;
};
export type MapType = {
  readonly kind: "map";
  readonly keyType: DataType;
  readonly valueType: DataType;
  readonly valueContainsNull: boolean;
};
export type StructType = { readonly kind: "struct"; readonly fields: readonly StructField[] };
export type DataType = PrimitiveType | DecimalType | ArrayType | MapType | StructType;

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | {
  readonly [key: string]: JsonValue;
};

/** One that was read may have members beyond these, which are written again as they were. */
export type StructField = {
  readonly name: string;
  readonly type: DataType;
  readonly nullable: boolean;
  /** Unknown keys are kept as they are. */
  readonly metadata: Readonly<Record<string, JsonValue>>;
};

/** A nullable field without metadata. */
export function field(name: string, type: DataType): StructField {
  return { name, type, nullable: true, metadata: {} };
}

/** A struct of these fields. */
export function struct(fields: readonly StructField[]): StructType {
  return { kind: "struct", fields };
}
