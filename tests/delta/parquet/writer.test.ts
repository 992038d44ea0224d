import { describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { type FileMetaData, parquetMetadata } from "hyparquet";
import { batchFromRows, type Value } from "../../../src/delta/columns/column-builder.ts";
import {
  assembleParquetFile,
  type EncodeOptions,
  encodeRowGroup,
} from "../../../src/delta/parquet/writer.ts";
import {
  type DataType,
  field,
  struct,
  type StructType,
} from "../../../src/delta/schema/data-type.ts";

type Rows = readonly { readonly [name: string]: Value }[];

function footerOf(schema: StructType, rows: Rows, options: EncodeOptions = {}): FileMetaData {
  const group = encodeRowGroup(batchFromRows(schema, rows), schema, options);
  const chunks = assembleParquetFile(schema, [group], {
    createdBy: "cdcdelta version 1.2.3 (build x)",
    keyValue: { a: "b" },
  });
  return parquetMetadata(new Uint8Array(Buffer.concat(chunks)), { geoparquet: false });
}

const one = (type: DataType): StructType => struct([field("v", type)]);

describe("footer", () => {
  const elements: [DataType, object][] = [
    [{ kind: "boolean" }, { type: "BOOLEAN" }],
    [{ kind: "byte" }, { type: "INT32", converted_type: "INT_8" }],
    [{ kind: "short" }, { type: "INT32", converted_type: "INT_16" }],
    [{ kind: "integer" }, { type: "INT32", converted_type: undefined }],
    [{ kind: "long" }, { type: "INT64", converted_type: undefined }],
    [{ kind: "float" }, { type: "FLOAT" }],
    [{ kind: "double" }, { type: "DOUBLE" }],
    [{ kind: "string" }, { type: "BYTE_ARRAY", converted_type: "UTF8" }],
    [{ kind: "binary" }, { type: "BYTE_ARRAY", converted_type: undefined }],
    [{ kind: "date" }, { type: "INT32", converted_type: "DATE" }],
    [{ kind: "timestamp" }, {
      type: "INT64",
      converted_type: "TIMESTAMP_MICROS",
      logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
    }],
    [{ kind: "timestamp_ntz" }, {
      type: "INT64",
      converted_type: undefined,
      logical_type: { type: "TIMESTAMP", isAdjustedToUTC: false, unit: "MICROS" },
    }],
    [{ kind: "decimal", precision: 9, scale: 2 }, {
      type: "INT32",
      converted_type: "DECIMAL",
      precision: 9,
      scale: 2,
    }],
    [{ kind: "decimal", precision: 10, scale: 0 }, { type: "INT64", precision: 10, scale: 0 }],
    [{ kind: "decimal", precision: 20, scale: 1 }, {
      type: "FIXED_LEN_BYTE_ARRAY",
      type_length: 9,
      precision: 20,
    }],
    [{ kind: "decimal", precision: 38, scale: 38 }, {
      type: "FIXED_LEN_BYTE_ARRAY",
      type_length: 16,
    }],
  ];
  test.each(elements)("%p", (type, element) => {
    const [, written] = footerOf(one(type), [{ v: null }]).schema;
    expect(written).toMatchObject({ name: "v", repetition_type: "OPTIONAL", ...element });
  });

  test("lists and maps have the three levels of the specification", () => {
    const schema = struct([
      field("l", { kind: "array", elementType: { kind: "long" }, containsNull: false }),
      field("m", {
        kind: "map",
        keyType: { kind: "string" },
        valueType: { kind: "long" },
        valueContainsNull: false,
      }),
    ]);
    const nodes = footerOf(schema, []).schema.slice(1)
      .map((e) => [e.name, e.repetition_type, e.converted_type, e.num_children]);
    expect(nodes).toEqual([
      ["l", "OPTIONAL", "LIST", 1],
      ["list", "REPEATED", undefined, 1],
      ["element", "OPTIONAL", undefined, undefined],
      ["m", "OPTIONAL", "MAP", 1],
      ["key_value", "REPEATED", undefined, 2],
      ["key", "REQUIRED", "UTF8", undefined],
      ["value", "OPTIONAL", undefined, undefined],
    ]);
  });

  test("says who wrote it, and what was asked to be said", () => {
    const footer = footerOf(one({ kind: "long" }), []);
    expect(footer.created_by).toBe("cdcdelta version 1.2.3 (build x)");
    expect(footer.key_value_metadata).toEqual([{ key: "a", value: "b" }]);
  });

  test("field ids of column mapping are written", () => {
    const id = { ...field("v", { kind: "long" }), metadata: { "delta.columnMapping.id": 7 } };
    expect(footerOf(struct([id]), []).schema[1]?.field_id).toBe(7);
  });

  const statistics: [DataType, Value[], unknown, unknown][] = [
    [{ kind: "integer" }, [3, -1, null], -1, 3],
    [{ kind: "long" }, [3n, -(2n ** 40n)], -(2n ** 40n), 3n],
    [{ kind: "double" }, [0, 1], -0, 1],
    [{ kind: "double" }, [NaN, 1], undefined, undefined],
    [{ kind: "string" }, ["b", "a"], "a", "b"],
    [{ kind: "string" }, ["b", "a".repeat(129)], undefined, undefined],
    [{ kind: "binary" }, [Uint8Array.of(1)], undefined, undefined],
  ];
  test.each(statistics)("statistics of %p %p", (type, values, min, max) => {
    const footer = footerOf(one(type), values.map((v) => ({ v })));
    const found = footer.row_groups[0]?.columns[0]?.meta_data?.statistics;
    expect([found?.min_value, found?.max_value]).toEqual([min, max] as never);
    expect(found?.null_count).toBe(BigInt(values.filter((v) => v === null).length));
  });
});

describe("encodings", () => {
  const encodingsOf = (type: DataType, values: Value[], options: EncodeOptions = {}): string[] => {
    const footer = footerOf(one(type), values.map((v) => ({ v })), options);
    return [...footer.row_groups[0]?.columns[0]?.meta_data?.encodings ?? []].sort();
  };
  const few = Array.from({ length: 2000 }, (_, i) => `v${i % 9}`);
  const many = Array.from({ length: 5000 }, (_, i) => `value ${i}`);

  test("strings that repeat go through a dictionary, others do not", () => {
    expect(encodingsOf({ kind: "string" }, few)).toEqual(["PLAIN", "RLE", "RLE_DICTIONARY"]);
    expect(encodingsOf({ kind: "string" }, many)).toEqual(["DELTA_LENGTH_BYTE_ARRAY", "RLE"]);
    expect(encodingsOf({ kind: "string" }, few, { dictionary: false }))
      .toEqual(["DELTA_LENGTH_BYTE_ARRAY", "RLE"]);
  });

  test("integers are delta-packed unless they are too far apart", () => {
    expect(encodingsOf({ kind: "long" }, [1n, 2n])).toEqual(["DELTA_BINARY_PACKED", "RLE"]);
    expect(encodingsOf({ kind: "long" }, [1n, 2n ** 62n])).toEqual(["PLAIN", "RLE"]);
  });

  test("plain is plain", () => {
    for (const [type, values] of [["string", few], ["long", [1n]], ["integer", [1]]] as const) {
      expect(encodingsOf({ kind: type }, [...values], { plain: true })).toEqual(["PLAIN", "RLE"]);
    }
  });

  test("a row group owns its bytes", () => {
    const schema = one({ kind: "string" });
    const first = encodeRowGroup(batchFromRows(schema, [{ v: "first" }]), schema);
    const copy = first.bytes.slice();
    encodeRowGroup(batchFromRows(schema, [{ v: "second" }, { v: "third" }]), schema);
    expect(first.bytes).toEqual(copy);
    expect(first.bytes.byteLength).toBe(first.bytes.buffer.byteLength);
  });
});

describe("values that do not fit", () => {
  const cases: [DataType, Value, RegExp][] = [
    [{ kind: "byte" }, 128, /'v'.*128.*does not fit byte/],
    [{ kind: "byte" }, -129, /-129/],
    [{ kind: "short" }, 32768, /does not fit short/],
    [{ kind: "decimal", precision: 9, scale: 0 }, 10n ** 9n, /does not fit decimal\(9,0\)/],
    [{ kind: "decimal", precision: 18, scale: 0 }, -(10n ** 18n), /decimal\(18,0\)/],
    [{ kind: "decimal", precision: 38, scale: 0 }, 10n ** 38n, /decimal\(38,0\)/],
  ];
  test.each(cases)("%p: %p", (type, value, message) => {
    const schema = one(type);
    const batch = batchFromRows(schema, [{ v: value }]);
    expect(() => encodeRowGroup(batch, schema)).toThrow(message);
  });

  test("a null where the column takes none", () => {
    const schema = struct([{ ...field("v", { kind: "long" }), nullable: false }]);
    expect(() => encodeRowGroup(batchFromRows(schema, [{ v: null }]), schema))
      .toThrow("'v', which does not take nulls");
  });

  test("a null key", () => {
    const schema = one({
      kind: "map",
      keyType: { kind: "string" },
      valueType: { kind: "long" },
      valueContainsNull: true,
    });
    const batch = batchFromRows(schema, [{ v: new Map([[null, 1n]]) }]);
    expect(() => encodeRowGroup(batch, schema)).toThrow("'v.key_value.key'");
  });

  const types: [string, DataType][] = [
    ["a list of void", { kind: "array", elementType: { kind: "void" }, containsNull: true }],
    ["a struct of nothing but void", struct([field("x", { kind: "void" })])],
  ];
  test.each(types)("%s", (_what, type) => {
    const batch = { length: 0, columns: [{ kind: "null", length: 0, valid: new Uint8Array(0) }] };
    expect(() => encodeRowGroup(batch as never, one(type)))
      .toThrow(expect.objectContaining({ code: "unsupported" }));
  });
});
