import { describe, expect, test } from "bun:test";
import zlib from "node:zlib";
import type { Encoding, SchemaElement } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import type { Value } from "../../../src/delta/columns/column-builder.ts";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import { fileFields } from "../../../src/delta/parquet/file-schema.ts";
import { planFields } from "../../../src/delta/parquet/read-plan.ts";
import { bytesSource, openParquet, readRowGroup } from "../../../src/delta/parquet/reader.ts";
import { type DataType, field, struct } from "../../../src/delta/schema/data-type.ts";

type Column = {
  readonly data: readonly unknown[];
  readonly elements: readonly SchemaElement[];
  readonly encoding?: Encoding;
  readonly codec?: "SNAPPY" | "ZSTD" | "GZIP" | "BROTLI" | "UNCOMPRESSED";
};

const compressors = {
  ZSTD: (bytes: Uint8Array) => zlib.zstdCompressSync(bytes),
  GZIP: (bytes: Uint8Array) => zlib.gzipSync(bytes),
  BROTLI: (bytes: Uint8Array) => zlib.brotliCompressSync(bytes),
};

/** Column `c` as another writer writes it, read as `type`. */
async function readAs(type: DataType, column: Column, name = "c"): Promise<Value[]> {
  const written = parquetWriteBuffer({
    columnData: [{
      name: column.elements[0]!.name,
      data: [...column.data],
      ...(column.encoding === undefined ? {} : { encoding: column.encoding }),
    }],
    schema: [{ name: "root", num_children: 1 }, ...column.elements],
    codec: column.codec ?? "SNAPPY",
    compressors,
  });
  const file = await openParquet(bytesSource(new Uint8Array(written)));
  const schema = struct([field(name, type)]);
  const rows: Value[] = [];
  for (let i = 0; i < file.rowGroups.length; i++) {
    const batch = await readRowGroup(file, i, schema);
    rows.push(...rowsOfBatch(batch, schema).map((row) => row[name] ?? null));
  }
  return rows;
}

const leaf = (more: Partial<SchemaElement>): SchemaElement => (
  { name: "c", repetition_type: "OPTIONAL", ...more }
);
const leafOf = (data: readonly unknown[], more: Partial<SchemaElement>): Column => (
  { data, elements: [leaf(more)] }
);

const decimal = (precision: number, scale: number): DataType => (
  { kind: "decimal", precision, scale }
);
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe("types of other writers", () => {
  const cases: [string, DataType, Column, Value[]][] = [
    ["INT32 as long", { kind: "long" }, leafOf([-5, null], { type: "INT32" }), [-5n, null]],
    ["INT32 as double", { kind: "double" }, leafOf([-5, null], { type: "INT32" }), [-5, null]],
    [
      "INT32 as decimal",
      decimal(12, 2),
      leafOf([-5, null], { type: "INT32" }),
      [-500n, null],
    ],
    [
      "INT64 as decimal",
      decimal(20, 0),
      leafOf([-(2n ** 63n), null], { type: "INT64" }),
      [-(2n ** 63n), null],
    ],
    ["FLOAT as double", { kind: "double" }, leafOf([0.5, null], { type: "FLOAT" }), [0.5, null]],
    [
      "UINT_32 above 2^31 as long",
      { kind: "long" },
      leafOf([4294967295, null], { type: "INT32", converted_type: "UINT_32" }),
      [4294967295n, null],
    ],
    [
      "DATE as timestamp_ntz",
      { kind: "timestamp_ntz" },
      leafOf([new Date("1969-12-31")], { type: "INT32", converted_type: "DATE" }),
      [-86_400_000_000n],
    ],
    [
      "TIMESTAMP_MILLIS",
      { kind: "timestamp" },
      leafOf([-1n, null], { type: "INT64", logical_type: timestampOf("MILLIS") }),
      [-1000n, null],
    ],
    [
      "nanoseconds, cut towards the past",
      { kind: "timestamp" },
      leafOf([-1n, 1999n], { type: "INT64", logical_type: timestampOf("NANOS") }),
      [-1n, 1n],
    ],
    [
      "decimals of BYTE_ARRAY",
      decimal(38, 2),
      leafOf([-1n, 256n, 0n, null, -(10n ** 38n) + 1n], {
        type: "BYTE_ARRAY",
        converted_type: "DECIMAL",
        precision: 38,
        scale: 2,
      }),
      [-1n, 256n, 0n, null, -(10n ** 38n) + 1n],
    ],
    [
      "decimals of FIXED_LEN_BYTE_ARRAY at a precision that fits INT32",
      decimal(9, 3),
      leafOf([-12n, 99n], {
        type: "FIXED_LEN_BYTE_ARRAY",
        type_length: 4,
        converted_type: "DECIMAL",
        precision: 9,
        scale: 2,
      }),
      [-120n, 990n],
    ],
    [
      "bytes without annotation as string",
      { kind: "string" },
      leafOf([bytes(0x68, 0x69)], { type: "BYTE_ARRAY" }),
      ["hi"],
    ],
    [
      "text as binary",
      { kind: "binary" },
      leafOf(["hi"], { type: "BYTE_ARRAY", converted_type: "UTF8" }),
      [bytes(0x68, 0x69)],
    ],
  ];
  test.each(cases)("%s", async (_what, type, column, expected) => {
    expect(await readAs(type, column)).toEqual(expected);
  });

  const refused: [string, DataType, Column, RegExp][] = [
    ["long as integer", { kind: "integer" }, leafOf([1n], { type: "INT64" }), /'c' is INT64/],
    ["long as double", { kind: "double" }, leafOf([1n], { type: "INT64" }), /read as double/],
    ["300 as byte", { kind: "byte" }, leafOf([300], { type: "INT32" }), /value 300 does not fit/],
    [
      "a scale that would be cut",
      decimal(9, 1),
      leafOf([1], { type: "INT32", converted_type: "DECIMAL", precision: 9, scale: 2 }),
      /its scale is 2/,
    ],
    [
      "a decimal that does not fit",
      decimal(3, 2),
      leafOf([1000n], { type: "INT32", converted_type: "DECIMAL", precision: 9, scale: 2 }),
      /1000 does not fit/,
    ],
    ["text as a long", { kind: "long" }, leafOf(["1"], { type: "BYTE_ARRAY" }), /BYTE_ARRAY/],
  ];
  test.each(refused)("refuses %s", async (_what, type, column, message) => {
    await expect(readAs(type, column)).rejects.toThrow(message);
  });
});

function timestampOf(unit: "MILLIS" | "NANOS"): NonNullable<SchemaElement["logical_type"]> {
  return { type: "TIMESTAMP", isAdjustedToUTC: true, unit };
}

describe("encodings and codecs of other writers", () => {
  const texts = Array.from({ length: 3000 }, (_, i) => i % 7 === 0 ? null : `prefix ${i % 2000}`);
  const longs = Array.from(
    { length: 3000 },
    (_, i) => i % 7 === 0 ? null : BigInt.asIntN(64, BigInt(i) ** 7n * -1234567n),
  );
  const ints = Array.from({ length: 3000 }, (_, i) => i % 7 === 0 ? null : Math.imul(i, i << 16));
  const doubles = Array.from({ length: 3000 }, (_, i) => i % 7 === 0 ? null : i / 3);
  const flags = Array.from({ length: 3000 }, (_, i) => i % 7 === 0 ? null : i % 3 === 0);
  const cases: [Encoding, DataType, readonly Value[], Partial<SchemaElement>][] = [
    ["PLAIN", { kind: "string" }, texts, { type: "BYTE_ARRAY", converted_type: "UTF8" }],
    ["RLE_DICTIONARY", { kind: "string" }, texts, { type: "BYTE_ARRAY", converted_type: "UTF8" }],
    [
      "DELTA_LENGTH_BYTE_ARRAY",
      { kind: "string" },
      texts,
      { type: "BYTE_ARRAY", converted_type: "UTF8" },
    ],
    ["DELTA_BYTE_ARRAY", { kind: "string" }, texts, { type: "BYTE_ARRAY", converted_type: "UTF8" }],
    ["PLAIN", { kind: "long" }, longs, { type: "INT64" }],
    ["RLE_DICTIONARY", { kind: "long" }, longs, { type: "INT64" }],
    ["DELTA_BINARY_PACKED", { kind: "long" }, longs, { type: "INT64" }],
    ["BYTE_STREAM_SPLIT", { kind: "long" }, longs, { type: "INT64" }],
    ["PLAIN", { kind: "integer" }, ints, { type: "INT32" }],
    ["RLE_DICTIONARY", { kind: "integer" }, ints, { type: "INT32" }],
    ["DELTA_BINARY_PACKED", { kind: "integer" }, ints, { type: "INT32" }],
    ["BYTE_STREAM_SPLIT", { kind: "double" }, doubles, { type: "DOUBLE" }],
    ["RLE_DICTIONARY", { kind: "double" }, doubles, { type: "DOUBLE" }],
    ["RLE", { kind: "boolean" }, flags, { type: "BOOLEAN" }],
    ["PLAIN", { kind: "boolean" }, flags, { type: "BOOLEAN" }],
  ];
  test.each(cases)("%s of %p", async (encoding, type, data, element) => {
    expect(await readAs(type, { data, elements: [leaf(element)], encoding })).toEqual([...data]);
  });

  test.each(["SNAPPY", "ZSTD", "GZIP", "BROTLI", "UNCOMPRESSED"] as const)("%s", async (codec) => {
    const elements = [leaf({ type: "BYTE_ARRAY", converted_type: "UTF8" })];
    expect(await readAs({ kind: "string" }, { data: texts, elements, codec })).toEqual(texts);
  });
});

describe("shapes of lists and maps", () => {
  const int: Partial<SchemaElement> = { type: "INT32" };
  const list = (...below: SchemaElement[]): SchemaElement[] => [
    { name: "c", repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" },
    ...below,
  ];
  const once = (name: string, more: Partial<SchemaElement> = int): SchemaElement => (
    { name, repetition_type: "OPTIONAL", ...more }
  );
  const many = (name: string, more: Partial<SchemaElement>): SchemaElement => (
    { name, repetition_type: "REPEATED", ...more }
  );
  const ints: DataType = { kind: "array", elementType: { kind: "integer" }, containsNull: true };
  const cases: [string, DataType, SchemaElement[], unknown[], Value[]][] = [
    [
      "three levels with other names",
      ints,
      list(many("bag", { num_children: 1 }), once("array_element")),
      [[1, null], null, []],
      [[1, null], null, []],
    ],
    [
      "three levels, the middle one named array, of primitives",
      ints,
      list(many("array", { num_children: 1 }), once("element")),
      [[1, null], null, []],
      [[1, null], null, []],
    ],
  ];
  test.each(cases)("%s", async (_what, type, elements, data, expected) => {
    expect(await readAs(type, { data, elements })).toEqual(expected);
  });

  // The oracle cannot write these, so it is the plan that is looked at.
  const x = struct([field("x", { kind: "integer" })]);
  const map: DataType = {
    kind: "map",
    keyType: { kind: "integer" },
    valueType: { kind: "integer" },
    valueContainsNull: true,
  };
  const leafPlan = (name: string, maxDefinition: number): object => (
    { kind: "leaf", node: { name, maxDefinition } }
  );
  const plans: [string, DataType, SchemaElement[], object][] = [
    [
      "two levels: the repeated field is the element",
      ints,
      list(many("array", int)),
      { kind: "list", maxDefinition: 1, children: [leafPlan("array", 2)] },
    ],
    [
      "two levels of structs of one field",
      { kind: "array", elementType: x, containsNull: true },
      list(many("c_tuple", { num_children: 1 }), once("x")),
      { kind: "list", children: [{ kind: "struct", children: [leafPlan("x", 3)] }] },
    ],
    [
      "a repeated field without a group",
      ints,
      [many("c", int)],
      { kind: "list", maxDefinition: 0, children: [leafPlan("c", 1)] },
    ],
    [
      "maps with other names",
      map,
      list(many("entries", { num_children: 2 }), once("k"), once("v")),
      { kind: "map", maxDefinition: 1, children: [leafPlan("k", 3), leafPlan("v", 3)] },
    ],
  ];
  test.each(plans)("%s", (_what, type, elements, expected) => {
    const nodes = fileFields([{ name: "root", num_children: 1 }, ...elements]);
    expect(planFields(struct([field("c", type)]), nodes)[0]).toMatchObject(expected);
  });
});

describe("names", () => {
  const column = leafOf([1], { name: "CaMel", type: "INT32" });
  test("are found ignoring case", async () => {
    expect(await readAs({ kind: "integer" }, column, "camel")).toEqual([1]);
  });
  test("that the file lacks are null", async () => {
    expect(await readAs({ kind: "integer" }, column, "other")).toEqual([null]);
  });
});

describe("damaged files", () => {
  const good = new Uint8Array(
    parquetWriteBuffer({
      columnData: [{ name: "c", data: Array.from({ length: 500 }, (_, i) => `value ${i}`) }],
    }),
  );
  const readAll = async (file: Uint8Array): Promise<number> => {
    const opened = await openParquet(bytesSource(file));
    const batch = await readRowGroup(opened, 0, struct([field("c", { kind: "string" })]));
    return batch.length;
  };

  test("too short, cut off, or none at all", async () => {
    await expect(readAll(new Uint8Array(5))).rejects.toThrow("5 bytes");
    await expect(readAll(good.subarray(0, good.length - 1))).rejects.toThrow("PAR1");
    await expect(readAll(new TextEncoder().encode("not a parquet file"))).rejects.toThrow("PAR1");
  });

  test("never end in anything but an error of ours or the rows", async () => {
    for (let at = 4; at < good.length - 12; at += 11) {
      const bad = good.slice();
      bad[at]! ^= 0xff;
      try {
        await readAll(bad);
      } catch (error) {
        expect(error).toMatchObject({ name: "CdcDeltaError", code: "parquet" });
      }
    }
  }, 60_000);
});
