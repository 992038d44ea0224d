import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { DataType, PrimitiveKind, StructType } from "../../../src/delta/schema/data-type.ts";
import { parseLossless, stringifyLossless } from "../../../src/delta/schema/lossless-json.ts";
import {
  schemaDepthMax,
  schemaFromJson,
  schemaToJson,
} from "../../../src/delta/schema/schema-json.ts";
import { sameType, typeName } from "../../../src/delta/schema/type-name.ts";

const withType = (type: string, metadata = "{}"): string =>
  `{"type":"struct","fields":[{"name":"a","type":${type},"nullable":true,"metadata":${metadata}}]}`;

const typeOf = (schemaString: string): DataType => schemaFromJson(schemaString).fields[0]!.type;

describe("schemaFromJson", () => {
  const accepted: Readonly<Record<string, string>> = {
    '"string"': "string",
    '"timestamp_ntz"': "timestamp_ntz",
    '"void"': "void",
    '"null"': "void",
    '"decimal(10,2)"': "decimal(10,2)",
    '"decimal( 10, 2 )"': "decimal(10,2)",
    '"decimal"': "decimal(10,0)",
    '"decimal(38,38)"': "decimal(38,38)",
    '{"type":"array","elementType":"integer","containsNull":true}': "array<integer>",
    '{ "type" : "map", "keyType":"string","valueType":{"type":"struct","fields":[]},"valueContainsNull":false}':
      "map<string,struct<>>",
  };
  for (const [json, name] of Object.entries(accepted)) {
    test(`reads ${json}`, () => expect(typeName(typeOf(withType(json)))).toBe(name));
  }

  const refused: readonly (readonly [string, "log-corrupt" | "unsupported"])[] = [
    ["", "log-corrupt"],
    ["{", "log-corrupt"],
    ["[]", "log-corrupt"],
    ['"string"', "log-corrupt"],
    ['{"type":"struct"}', "log-corrupt"],
    ['{"type":"struct","fields":[1]}', "log-corrupt"],
    ['{"type":"struct","fields":[{"type":"string"}]}', "log-corrupt"],
    [withType('"decimal(39,0)"'), "log-corrupt"],
    [withType('"decimal(5,6)"'), "log-corrupt"],
    [withType('"decimal(5,-1)"'), "log-corrupt"],
    [withType('{"type":"array"}'), "log-corrupt"],
    [withType('"string"', "7"), "log-corrupt"],
    [withType('"geometry(OGC:CRS84)"'), "unsupported"],
    [withType('"interval day"'), "unsupported"],
    [withType('{"type":"udt"}'), "unsupported"],
    [withType('"toString"'), "unsupported"],
  ];
  for (const [text, code] of refused) {
    test(`refuses ${text.slice(0, 90)} as ${code}`, () => {
      expect(() => schemaFromJson(text)).toThrow(expect.objectContaining({ code }));
    });
  }

  test("bounds the depth instead of exhausting the stack", () => {
    const nested = (depth: number): string =>
      withType(`${'{"type":"array","elementType":'.repeat(depth)}"string"${"}".repeat(depth)}`);
    expect(() => schemaFromJson(nested(schemaDepthMax - 1))).not.toThrow();
    expect(() => schemaFromJson(nested(schemaDepthMax + 1))).toThrow("nests deeper");
    const hostile = (): unknown => schemaFromJson(nested(50_000));
    expect(hostile).toThrow(expect.objectContaining({ code: "log-corrupt" }));
  });

  test("keeps metadata whole: unknown keys, big numbers, __proto__", () => {
    const metadata = '{"delta.identity.highWaterMark":9223372036854775807,"x":1.0,"y":[1e3,-0.5],' +
      '"__proto__":{"z":null},"comment":"ä\\n"}';
    const text = withType('"long"', metadata);
    expect(schemaToJson(schemaFromJson(text))).toBe(text);
    expect(schemaToJson(structuredClone(schemaFromJson(text)))).toBe(text);
  });
});

const name = fc.oneof(fc.string({ maxLength: 8 }), fc.constant("__proto__"));
const leaf: fc.Arbitrary<DataType> = fc.oneof(
  fc.constantFrom<PrimitiveKind>("string", "long", "integer", "byte", "double", "date", "void")
    .map((kind) => ({ kind })),
  fc.tuple(fc.integer({ min: 1, max: 38 }), fc.nat(38)).map(([precision, scale]) => ({
    kind: "decimal" as const,
    precision,
    scale: Math.min(precision, scale),
  })),
);
const { struct } = fc.letrec<{ type: DataType; struct: StructType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    tie("struct"),
    fc.record({
      kind: fc.constant("array" as const),
      elementType: tie("type"),
      containsNull: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant("map" as const),
      keyType: tie("type"),
      valueType: tie("type"),
      valueContainsNull: fc.boolean(),
    }),
  ),
  struct: fc.record({
    kind: fc.constant("struct" as const),
    fields: fc.array(
      fc.record({
        name,
        type: tie("type"),
        nullable: fc.boolean(),
        metadata: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean())),
      }),
      { maxLength: 4 },
    ),
  }),
}));

test("a schema comes back from its JSON as it was", () => {
  fc.assert(fc.property(struct, (schema) => {
    const text = schemaToJson(schema);
    expect(schemaToJson(schemaFromJson(text))).toBe(text);
    expect(sameType(schemaFromJson(text), schema)).toBe(true);
  }));
});

test("JSON goes through parseLossless and back letter by letter", () => {
  const numbers = fc.oneof(
    fc.bigInt().map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.constantFrom("1.0", "1e400", "-0", "0.10", "12345678901234567890.123456789012345678901"),
  );
  fc.assert(fc.property(fc.array(numbers), fc.string(), (values, text) => {
    const json = `{"k":[${values.join(",")}],"s":${JSON.stringify(text)}}`;
    expect(stringifyLossless(parseLossless(json))).toBe(json);
  }));
});
