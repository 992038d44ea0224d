import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { type DataType, field, struct } from "../../../src/delta/schema/data-type.ts";
import { findTypeChanges, mergeSchema, widerType } from "../../../src/delta/schema/merge-schema.ts";
import { sameType, typeName } from "../../../src/delta/schema/type-name.ts";

const decimal = (precision: number, scale: number): DataType => ({
  kind: "decimal",
  precision,
  scale,
});

/** The closed ladder: what two types become, or null. Symmetric. */
const ladder: readonly (readonly [string, string, string | null])[] = [
  ["byte", "short", "short"],
  ["byte", "long", "long"],
  ["short", "integer", "integer"],
  ["integer", "long", "long"],
  ["integer", "double", "double"],
  ["byte", "double", "double"],
  ["long", "double", null],
  ["float", "double", "double"],
  ["integer", "float", null],
  ["date", "timestamp_ntz", "timestamp_ntz"],
  ["date", "timestamp", null],
  ["timestamp", "timestamp_ntz", null],
  ["string", "integer", null],
  ["boolean", "integer", null],
  ["string", "binary", null],
  ["void", "string", "string"],
  ["void", "decimal(5,2)", "decimal(5,2)"],
  ["integer", "decimal(38,18)", "decimal(38,18)"],
  ["long", "decimal(38,18)", "decimal(38,18)"],
  ["integer", "decimal(5,2)", "decimal(12,2)"],
  ["long", "decimal(5,2)", "decimal(21,2)"],
  ["long", "decimal(38,20)", null],
  ["decimal(10,2)", "decimal(12,2)", "decimal(12,2)"],
  ["decimal(10,2)", "decimal(8,4)", "decimal(12,4)"],
  ["decimal(38,0)", "decimal(38,1)", null],
  ["double", "decimal(5,2)", null],
];

function typeOf(name: string): DataType {
  const match = /^decimal\((\d+),(\d+)\)$/.exec(name);
  if (match !== null) return decimal(Number(match[1]), Number(match[2]));
  return { kind: name } as DataType;
}

describe("widerType", () => {
  for (const [a, b, wider] of ladder) {
    test(`${a} and ${b}: ${wider ?? "nothing holds both"}`, () => {
      for (const [left, right] of [[a, b], [b, a]] as const) {
        const result = widerType(typeOf(left), typeOf(right));
        expect(result === null ? null : typeName(result)).toBe(wider);
      }
    });
  }
});

describe("mergeSchema", () => {
  const base = struct([
    { ...field("Id", { kind: "integer" }), metadata: { comment: "kept" } },
    field("doc", struct([field("x", { kind: "long" })])),
    { ...field("req", { kind: "string" }), nullable: false },
  ]);

  test("keeps order, names and metadata, appends what is new, widens what has to be", () => {
    const { schema, changes } = mergeSchema(
      base,
      struct([
        { ...field("new", { kind: "string" }), nullable: false },
        field("doc", struct([field("y", { kind: "date" }), field("X", { kind: "string" })])),
        field("id", { kind: "long" }),
        field("REQ", { kind: "string" }),
      ]),
    );
    expect(typeName(schema)).toBe(
      "struct<Id: long, doc: struct<x: long, y: date>, req: string, new: string>",
    );
    expect(schema.fields[0]?.metadata).toEqual({ comment: "kept" });
    expect(schema.fields.map((f) => f.nullable)).toEqual([true, true, true, true]);
    expect(changes.map((change) => `${change.kind} ${change.path}`)).toEqual([
      "widened Id",
      "incompatible doc.x",
      "added doc.y",
      "relaxed req",
      "added new",
    ]);
  });

  test("goes into arrays and maps", () => {
    const list = (elementType: DataType): DataType => ({
      kind: "array",
      elementType,
      containsNull: false,
    });
    const map = (keyType: DataType, valueType: DataType): DataType => ({
      kind: "map",
      keyType,
      valueType,
      valueContainsNull: true,
    });
    const integer: DataType = { kind: "integer" };
    const long: DataType = { kind: "long" };
    const before = struct([
      field("l", list(struct([field("a", integer)]))),
      field("m", map(integer, long)),
    ]);
    const after = struct([
      field("l", list(struct([field("a", long)]))),
      field("m", map(long, integer)),
    ]);
    const { schema, changes } = mergeSchema(before, after);
    expect(typeName(schema)).toBe("struct<l: array<struct<a: long>>, m: map<long,long>>");
    expect(changes.map((change) => change.path)).toEqual(["l.element.a", "m.key"]);
    expect(findTypeChanges(before, schema).map((c) => c.path)).toEqual(["l.element.a", "m.key"]);
  });

  test("is idempotent and takes nothing away", () => {
    const types = fc.constantFrom(...ladder.flatMap(([a, b]) => [a, b])).map(typeOf);
    const schemas = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), types)
      .map((columns) => struct(Object.entries(columns).map(([n, type]) => field(n, type))));
    fc.assert(fc.property(schemas, schemas, (one, two) => {
      const { schema, changes } = mergeSchema(one, two);
      expect(sameType(mergeSchema(one, one).schema, one)).toBe(true);
      if (changes.some((change) => change.kind === "incompatible")) return;
      for (const part of [one, two]) {
        const again = mergeSchema(schema, part);
        expect(again.changes).toEqual([]);
        expect(sameType(again.schema, schema)).toBe(true);
      }
    }));
  });
});
