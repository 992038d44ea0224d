import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { decodePath } from "../../../src/delta/log/file-key.ts";
import { encodePath, hiveEscape, partitionFolder } from "../../../src/delta/log/partition-path.ts";
import {
  parsePartitionValue,
  serializePartitionValue,
} from "../../../src/delta/log/partition-value.ts";
import type { Value } from "../../../src/delta/columns/column-builder.ts";
import type { DataType } from "../../../src/delta/schema/data-type.ts";

const decimal: DataType = { kind: "decimal", precision: 10, scale: 2 };

describe("serializePartitionValue", () => {
  const cases: readonly (readonly [Value, DataType, string | null])[] = [
    [null, { kind: "string" }, null],
    ["", { kind: "string" }, null],
    [" x ", { kind: "string" }, " x "],
    [-128, { kind: "byte" }, "-128"],
    [9223372036854775807n, { kind: "long" }, "9223372036854775807"],
    [0.1, { kind: "double" }, "0.1"],
    [Math.fround(0.1), { kind: "float" }, "0.1"],
    [Math.fround(16777217.1), { kind: "float" }, "16777218"],
    [NaN, { kind: "double" }, "NaN"],
    [-Infinity, { kind: "float" }, "-Infinity"],
    [-0, { kind: "double" }, "-0.0"],
    [12340n, decimal, "123.40"],
    [-5n, decimal, "-0.05"],
    [true, { kind: "boolean" }, "true"],
    [0, { kind: "date" }, "1970-01-01"],
    [-719162, { kind: "date" }, "0001-01-01"],
    [1n, { kind: "timestamp" }, "1970-01-01T00:00:00.000001Z"],
    [-1n, { kind: "timestamp" }, "1969-12-31T23:59:59.999999Z"],
    [1_000_000n, { kind: "timestamp_ntz" }, "1970-01-01 00:00:01.000000"],
  ];
  for (const [value, type, text] of cases) {
    test(`${type.kind} ${String(value)}: ${text}`, () => {
      expect(serializePartitionValue(value, type)).toBe(text);
      const back = parsePartitionValue(text, type);
      if (value !== "") expect(back).toEqual(value);
    });
  }
  test("refuses types that have no folder name", () => {
    const array: DataType = { kind: "array", elementType: decimal, containsNull: true };
    expect(() => serializePartitionValue([], array)).toThrow("Cannot partition by");
    expect(() => serializePartitionValue(Uint8Array.of(1), { kind: "binary" })).toThrow();
  });
});

describe("parsePartitionValue", () => {
  const micros = (iso: string): bigint => BigInt(Date.parse(iso)) * 1000n;
  const cases: readonly (readonly [string, DataType, Value])[] = [
    ["", { kind: "string" }, null],
    ["", { kind: "integer" }, null],
    ["+007", { kind: "integer" }, 7],
    ["1.0E10", { kind: "double" }, 1e10],
    ["-inf", { kind: "double" }, -Infinity],
    ["1.234E2", decimal, 12340n],
    ["TRUE", { kind: "boolean" }, true],
    ["2020-1-2", { kind: "date" }, 18263],
    ["2020-01-01 08:09:10", { kind: "timestamp" }, micros("2020-01-01T08:09:10Z")],
    ["2020-01-01 08:09:10.5", { kind: "timestamp" }, micros("2020-01-01T08:09:10.5Z")],
    [
      "2020-01-01T08:09:10.123456789Z",
      { kind: "timestamp" },
      micros("2020-01-01T08:09:10.123Z") + 456n,
    ],
    ["2020-01-01T08:09:10-05:30", { kind: "timestamp" }, micros("2020-01-01T13:39:10Z")],
    ["2020-01-01T08:09:10+05:30", { kind: "timestamp_ntz" }, micros("2020-01-01T08:09:10Z")],
    ["0001-01-01 00:00:00", { kind: "timestamp" }, -62135596800000000n],
  ];
  for (const [text, type, value] of cases) {
    test(`${type.kind} ${JSON.stringify(text)}`, () => {
      expect(parsePartitionValue(text, type)).toEqual(value);
    });
  }
  const broken: readonly (readonly [string, DataType])[] = [
    ["x", { kind: "integer" }],
    ["1.5", { kind: "long" }],
    ["128", { kind: "byte" }],
    ["9223372036854775808", { kind: "long" }],
    ["yes", { kind: "boolean" }],
    ["2021-02-30", { kind: "date" }],
    ["2021-02-01 25:00:00", { kind: "timestamp" }],
    ["0.001", decimal],
    ["123456789.00", decimal],
    ["1e", { kind: "double" }],
  ];
  for (const [text, type] of broken) {
    test(`refuses ${JSON.stringify(text)} as ${type.kind}`, () => {
      expect(() => parsePartitionValue(text, type)).toThrow(
        expect.objectContaining({ code: "log-corrupt" }),
      );
    });
  }
});

describe("paths", () => {
  test("are escaped as Hive does, then encoded as a URI", () => {
    const folder = partitionFolder(["ts", "p"], { ts: "2020-01-01 08:09:10", p: null });
    expect(folder).toBe("ts=2020-01-01 08%3A09%3A10/p=__HIVE_DEFAULT_PARTITION__/");
    expect(encodePath(folder)).toBe(
      "ts=2020-01-01%2008%253A09%253A10/p=__HIVE_DEFAULT_PARTITION__/",
    );
  });

  test("the sets of escaped characters are Hive's and java.net.URI's", () => {
    const ascii = Array.from({ length: 127 }, (_, i) => String.fromCharCode(i + 1)).join("");
    const left = (escape: (text: string) => string): string =>
      [...ascii].filter((c) => escape(c) === c).join("");
    expect(left(hiveEscape)).toBe(
      " !$&()+,-.0123456789;<>@ABCDEFGHIJKLMNOPQRSTUVWXYZ_`abcdefghijklmnopqrstuvwxyz|~",
    );
    expect(left(encodePath)).toBe(
      "!$&'()*+,-./0123456789:;=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~",
    );
    expect(hiveEscape("目录 🎉é")).toBe("目录 🎉é");
    expect(encodePath("目录🎉+é")).toBe("目录🎉+é");
  });

  test("come back whatever the value", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (value) => {
      const folder = partitionFolder(["p"], { p: value });
      const key = decodePath(encodePath(folder));
      expect(key).toBe(folder);
      expect(key.indexOf("/")).toBe(key.length - 1);
      expect(decodePath(key.slice(2, -1))).toBe(value);
    }));
  });

  test("malformed escapes are taken as they stand", () => {
    expect(decodePath("a%zz")).toBe("a%zz");
    expect(decodePath("a+b")).toBe("a+b");
  });
});
