import { describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { batchFromRows, type Value } from "../../../src/delta/columns/column-builder.ts";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import { batchToNdjson } from "../../../src/delta/columns/row-json.ts";
import { bytesSource, openParquet, readRowGroup } from "../../../src/delta/parquet/reader.ts";
import { variantJson, variantNames } from "../../../src/delta/parquet/variant-binary.ts";
import { variantColumn } from "../../../src/delta/parquet/variant-column.ts";
import { assembleParquetFile, encodeRowGroup } from "../../../src/delta/parquet/writer.ts";
import {
  type DataType,
  field,
  struct,
  type StructType,
} from "../../../src/delta/schema/data-type.ts";

const bytes = (hex: string): Uint8Array =>
  new Uint8Array(Buffer.from(hex.replace(/ /g, ""), "hex"));

/** Names `a`, `b`, `key`. */
const metadata = bytes("01 03 00 01 02 05 61 62 6b6579");
const names = variantNames(metadata);

const values: readonly (readonly [what: string, hex: string, json: string])[] = [
  ["null", "00", "null"],
  ["true", "04", "true"],
  ["false", "08", "false"],
  ["int8", "0c ff", "-1"],
  ["int16", "10 00 80", "-32768"],
  ["int32", "14 ff ff ff 7f", "2147483647"],
  ["int64", "18 ff ff ff ff ff ff ff 7f", "9223372036854775807"],
  ["double", "1c 00 00 00 00 00 00 f8 3f", "1.5"],
  ["double NaN", "1c 00 00 00 00 00 00 f8 7f", '"NaN"'],
  ["double -0", "1c 00 00 00 00 00 00 00 80", "-0.0"],
  ["decimal4", "20 02 d2 04 00 00", "12.34"],
  ["decimal8", "24 03 ff ff ff ff ff ff ff ff", "-0.001"],
  [
    "decimal16",
    "28 01 ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff 7f",
    "17014118346046923173168730371588410572.7",
  ],
  ["date", "2c 01 00 00 00", '"1970-01-02"'],
  ["timestamp", "30 01 00 00 00 00 00 00 00", '"1970-01-01T00:00:00.000001Z"'],
  ["timestamp_ntz", "34 ff ff ff ff ff ff ff ff", '"1969-12-31T23:59:59.999999"'],
  ["float", "38 00 00 c0 3f", "1.5"],
  ["binary", "3c 03 00 00 00 65 68 3f", '"ZWg/"'],
  ["string", "40 02 00 00 00 22 0a", '"\\"\\n"'],
  ["time", "44 40 42 0f 00 00 00 00 00", '"00:00:01.000000"'],
  ["nanoseconds, UTC", "48 ff ff ff ff ff ff ff ff", '"1969-12-31T23:59:59.999999999Z"'],
  ["nanoseconds", "4c 01 00 00 00 00 00 00 00", '"1970-01-01T00:00:00.000000001"'],
  [
    "uuid",
    "50 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff",
    '"00112233-4455-6677-8899-aabbccddeeff"',
  ],
  ["short string", "0d c3 a9 78", '"éx"'],
  ["empty short string", "01", '""'],
  ["array", "03 02 00 02 03 0c 01 04", "[1,true]"],
  ["empty array", "03 00 00", "[]"],
  ["large array", "13 01 00 00 00 00 02 0c 05", "[5]"],
  // Values in another order than names: a is the second value.
  ["object", "02 02 00 02 02 00 04 0c 07 0c 08", '{"a":8,"key":7}'],
  ["empty object", "02 00 00", "{}"],
  ["large object, wide", "56 01 00 00 00 01 00 00 00 02 00 0c 01", '{"b":1}'],
  ["nested", "02 01 02 00 08 02 01 00 00 03 03 00 00", '{"key":{"a":[]}}'],
];

describe("variant values", () => {
  for (const [what, hex, json] of values) {
    test(what, () => expect(variantJson(names, bytes(hex))).toBe(json));
  }

  const damaged: readonly (readonly [what: string, hex: string, says: RegExp])[] = [
    ["nothing", "", /ends too early/],
    ["a cut number", "18 00", /ends too early/],
    ["a cut string", "40 ff ff ff 7f 61", /ends too early/],
    ["an unknown type", "fc", /type 63/],
    ["an unknown name", "02 01 07 00 01 00", /name 7 of 3/],
    ["a scale that no decimal has", "20 ff 00 00 00 00", /scale 255/],
    ["an array longer than its bytes", "13 ff ff ff 7f", /ends too early|overlap/],
    ["values that share bytes", "03 02 00 00 00 03 02 00 00 00 0c 01", /overlap/],
  ];
  for (const [what, hex, says] of damaged) {
    test(`refuses ${what}`, () => expect(() => variantJson(names, bytes(hex))).toThrow(says));
  }

  test("refuses metadata of another version", () => {
    expect(() => variantNames(bytes("02 00 00"))).toThrow(/version 2/);
  });

  test("reads wide names", () => {
    expect(variantNames(bytes("41 01 00 00 00 02 00 68 69"))(0)).toBe("hi");
  });

  test("refuses values nested too deep", () => {
    let value = "00";
    for (let i = 0; i < 600; i++) value = `07010000${toLittle(value.length / 2)}${value}`;
    expect(() => variantJson(names, bytes(value))).toThrow(/nested deeper/);
  });
});

function toLittle(size: number): string {
  return size.toString(16).padStart(4, "0").replace(/(..)(..)/, "$2$1");
}

const long: DataType = { kind: "long" };
const text: DataType = { kind: "string" };
const binary: DataType = { kind: "binary" };

function shredded(typed: DataType): StructType {
  return struct([field("value", binary), field("typed_value", typed)]);
}

/** `{"a": long, "b": [text], "key": {"a": decimal}}`. */
const inner = struct([
  field("a", shredded(long)),
  field("b", shredded({ kind: "array", elementType: shredded(text), containsNull: true })),
  field(
    "key",
    shredded(struct([field("a", shredded({ kind: "decimal", precision: 9, scale: 2 }))])),
  ),
]);
const group = struct([field("metadata", binary), ...shredded(inner).fields]);

const absent = { value: null, typed_value: null };
const typed = (value: Value): Value => ({ value: null, typed_value: value });
const plain = (hex: string): Value => ({ value: bytes(hex), typed_value: null });
const whole = (value: Value, rest: string | null = null): Value => ({
  metadata,
  value: rest === null ? null : bytes(rest),
  typed_value: value,
});

const rows: readonly (readonly [what: string, group: Value, json: string | null])[] = [
  ["null", null, null],
  ["not shredded", { metadata, value: bytes("0c 05"), typed_value: null }, "5"],
  ["without any value", { metadata, value: null, typed_value: null }, "null"],
  ["all fields absent", whole({ a: absent, b: absent, key: absent }), "{}"],
  ["a field", whole({ a: typed(7n), b: absent, key: absent }), '{"a":7}'],
  ["a field of another type", whole({ a: plain("05 78"), b: absent, key: absent }), '{"a":"x"}'],
  ["a field that is null", whole({ a: plain("00"), b: absent, key: absent }), '{"a":null}'],
  [
    "lists and objects",
    whole({
      a: absent,
      b: typed([typed("x"), plain("0c 01"), typed("")]),
      key: typed({ a: typed(1234n) }),
    }),
    '{"b":["x",1,""],"key":{"a":12.34}}',
  ],
  [
    "a shredded field that stands in the rest as well",
    whole({ a: absent, b: typed([]), key: absent }, "02 01 00 00 02 0c 09"),
    '{"b":[]}',
  ],
];

describe("variants in Parquet files", () => {
  const wanted = struct([field("v", { kind: "variant" })]);

  async function readBack(type: StructType, groups: readonly Value[]): Promise<string[]> {
    const schema = struct([field("v", type)]);
    const batch = batchFromRows(schema, groups.map((v) => ({ v })));
    const encoded = encodeRowGroup(batch, schema, { codec: "zstd" });
    const chunks = assembleParquetFile(schema, [encoded], { createdBy: "test" });
    const file = await openParquet(bytesSource(new Uint8Array(Buffer.concat([...chunks]))));
    const read = await readRowGroup(file, 0, wanted);
    const found = rowsOfBatch(read, wanted).map((row) => row["v"]);
    const lines = batchToNdjson(read, wanted).trimEnd().split("\n");
    expect(lines).toEqual(found.map((json) => `{"v":${String(json)}}`));
    return found.map((json) => json === null || json === undefined ? "NULL" : String(json));
  }

  test("shredded: parts are put together, null and missing are told apart", async () => {
    const json = await readBack(group, rows.map(([, value]) => value));
    expect(json).toEqual(rows.map(([, , wantedJson]) => wantedJson ?? "NULL"));
  });

  test("the fields that are left over keep their place by name", async () => {
    const one = struct([
      field("metadata", binary),
      ...shredded(struct([field("b", shredded(long))])).fields,
    ]);
    const rest = "02 02 00 02 00 02 04 0c 09 0c 08";
    expect(await readBack(one, [whole({ b: typed(1n) }, rest)])).toEqual(['{"a":9,"b":1,"key":8}']);
  });

  test("not shredded, in lists, maps and structs", async () => {
    const unshredded = struct([field("value", binary), field("metadata", binary)]);
    const v = (hex: string): Value => ({ value: bytes(hex), metadata });
    expect(await readBack(unshredded, [v("04"), null, v("00")])).toEqual(["true", "NULL", "null"]);
    const nested = (type: DataType): StructType =>
      struct([
        field("list", { kind: "array", elementType: type, containsNull: true }),
        field("map", { kind: "map", keyType: text, valueType: type, valueContainsNull: true }),
        field("struct", struct([field("v", type)])),
      ]);
    const schema = nested(unshredded);
    const row = {
      list: [v("0c 01"), null, v("00")],
      map: new Map<Value, Value>([["k", v("05 78")], ["n", null]]),
      struct: { v: v("02 00 00") },
    };
    const encoded = encodeRowGroup(batchFromRows(schema, [row]), schema, { codec: "zstd" });
    const chunks = assembleParquetFile(schema, [encoded], { createdBy: "test" });
    const file = await openParquet(bytesSource(new Uint8Array(Buffer.concat([...chunks]))));
    const type = nested({ kind: "variant" });
    expect(batchToNdjson(await readRowGroup(file, 0, type), type)).toBe(
      '{"list":[1,null,null],"map":{"k":"x","n":null},"struct":{"v":{}}}\n',
    );
  });

  test("a group that is no variant is refused", async () => {
    const wrong = struct([field("value", binary)]);
    await expect(readBack(wrong, [{ value: bytes("00") }])).rejects.toThrow(/no 'metadata'/);
    const empty = struct([field("metadata", binary)]);
    await expect(readBack(empty, [{ metadata }])).rejects.toThrow(/no 'value'/);
  });

  test("a shredded value with another value beside it is refused", () => {
    const type = struct([field("metadata", binary), ...shredded(long).fields]);
    const [column] = batchFromRows(struct([field("v", type)]), [{ v: whole(1n, "00") }]).columns;
    expect(() => variantColumn(column!, type)).toThrow(/besides its own/);
  });
});
