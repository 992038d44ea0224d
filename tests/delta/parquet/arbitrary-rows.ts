import * as fc from "fast-check";
import type { Value } from "../../../src/delta/columns/column-builder.ts";
import {
  type DataType,
  field,
  struct,
  type StructType,
} from "../../../src/delta/schema/data-type.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Text as UTF-8 can hold it: a lone surrogate becomes U+FFFD. */
function wellFormed(text: string): string {
  return decoder.decode(encoder.encode(text));
}

const primitives = fc.constantFrom<DataType>(
  { kind: "boolean" },
  { kind: "byte" },
  { kind: "short" },
  { kind: "integer" },
  { kind: "long" },
  { kind: "float" },
  { kind: "double" },
  { kind: "string" },
  { kind: "binary" },
  { kind: "date" },
  { kind: "timestamp" },
  { kind: "timestamp_ntz" },
  { kind: "decimal", precision: 9, scale: 2 },
  { kind: "decimal", precision: 1, scale: 1 },
  { kind: "decimal", precision: 18, scale: 18 },
  { kind: "decimal", precision: 19, scale: 0 },
  { kind: "decimal", precision: 38, scale: 18 },
);

/** A schema of up to four columns with nesting. */
export function arbitrarySchema(): fc.Arbitrary<StructType> {
  const { type } = fc.letrec<{ type: DataType }>((tie) => ({
    type: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      primitives,
      fc.array(tie("type"), { minLength: 1, maxLength: 3 }).map((types) =>
        struct(types.map((t, i) => field(`f${i}`, t)))
      ),
      tie("type").map((elementType): DataType => ({
        kind: "array",
        elementType,
        containsNull: true,
      })),
      fc.tuple(
        fc.constantFrom<DataType>({ kind: "string" }, { kind: "long" }, { kind: "date" }),
        tie("type"),
      ).map(([keyType, valueType]): DataType => ({
        kind: "map",
        keyType,
        valueType,
        valueContainsNull: true,
      })),
    ),
  }));
  return fc.array(type, { minLength: 1, maxLength: 4 }).map((types) =>
    struct(types.map((t, i) => field(`c${i}`, t)))
  );
}

/** Values of a type, nulls and extremes often. */
export function arbitraryValue(type: DataType): fc.Arbitrary<Value> {
  return fc.oneof(
    { weight: 1, arbitrary: fc.constant<Value>(null) },
    { weight: 4, arbitrary: presentValue(type) },
  );
}

function integers(min: number, max: number): fc.Arbitrary<number> {
  return fc.oneof(fc.constantFrom(min, max, 0), fc.integer({ min, max }));
}

function bigints(min: bigint, max: bigint): fc.Arbitrary<bigint> {
  return fc.oneof(
    fc.constantFrom(min, max, 0n),
    fc.bigInt({ min, max }),
    fc.bigInt({ min: min > -1000n ? min : -1000n, max: max < 1000n ? max : 1000n }),
  );
}

function presentValue(type: DataType): fc.Arbitrary<Value> {
  switch (type.kind) {
    case "boolean":
      return fc.boolean();
    case "byte":
      return integers(-128, 127);
    case "short":
      return integers(-32768, 32767);
    case "integer":
    case "date":
      return integers(-2147483648, 2147483647);
    case "long":
    case "timestamp":
    case "timestamp_ntz":
      return bigints(-(2n ** 63n), 2n ** 63n - 1n);
    case "float":
      return fc.oneof(fc.constantFrom(-0, 0, NaN, Infinity, -Infinity), fc.float());
    case "double":
      return fc.oneof(fc.constantFrom(-0, 0, NaN, Infinity, -Infinity, 5e-324), fc.double());
    case "decimal":
      return bigints(-(10n ** BigInt(type.precision)) + 1n, 10n ** BigInt(type.precision) - 1n);
    case "string":
      return fc.oneof(
        fc.constantFrom("", "a", "ab", "naïve", "😀", "\u0000", "x".repeat(300)),
        fc.string({ unit: "grapheme", maxLength: 40 }).map(wellFormed),
      );
    case "binary":
      return fc.uint8Array({ maxLength: 40 });
    case "struct":
      return fc.tuple(...type.fields.map((f) => arbitraryValue(f.type))).map((values) =>
        Object.fromEntries(type.fields.map((f, i) => [f.name, values[i] ?? null]))
      );
    case "array":
      return fc.array(arbitraryValue(type.elementType), { maxLength: 4 });
    case "map":
      return fc.array(fc.tuple(presentValue(type.keyType), arbitraryValue(type.valueType)), {
        maxLength: 4,
      }).map((entries) => new Map(entries));
    default:
      return fc.constant(null);
  }
}

export type Row = { readonly [name: string]: Value };

/** A schema and rows for it. */
export function arbitraryTable(
  rowsMax = 40,
): fc.Arbitrary<{ readonly schema: StructType; readonly rows: Row[] }> {
  return arbitrarySchema().chain((schema) =>
    fc.array(presentValue(schema), { maxLength: rowsMax }).map((rows) => ({
      schema,
      rows: rows as Row[],
    }))
  );
}
