import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { batchFromRows, type Value } from "../../../src/delta/columns/column-builder.ts";
import { batchToNdjson } from "../../../src/delta/columns/row-json.ts";
import { dateText, decimalText, timestampText } from "../../../src/delta/columns/value-text.ts";
import { type DataType, field, struct } from "../../../src/delta/schema/data-type.ts";
import { arbitraryTable } from "../parquet/arbitrary-rows.ts";

/** The JSON text of a value. */
function jsonOf(type: DataType, value: Value): string {
  const schema = struct([field("v", type)]);
  const line = batchToNdjson(batchFromRows(schema, [{ v: value }]), schema);
  return line.slice('{"v":'.length, -2);
}

const mapOf = (keyType: DataType): DataType => (
  { kind: "map", keyType, valueType: { kind: "long" }, valueContainsNull: true }
);

describe("values", () => {
  const cases: [DataType, Value, string][] = [
    [{ kind: "boolean" }, true, "true"],
    [{ kind: "byte" }, -128, "-128"],
    [{ kind: "long" }, 2n ** 63n - 1n, "9223372036854775807"],
    [{ kind: "decimal", precision: 38, scale: 2 }, -5n, "-0.05"],
    [{ kind: "decimal", precision: 38, scale: 0 }, 10n ** 37n, `1${"0".repeat(37)}`],
    [{ kind: "double" }, 0.1, "0.1"],
    [{ kind: "double" }, 1e300, "1e+300"],
    [{ kind: "double" }, -0, "-0.0"],
    [{ kind: "double" }, NaN, '"NaN"'],
    [{ kind: "double" }, -Infinity, '"-Infinity"'],
    [{ kind: "float" }, Infinity, '"Infinity"'],
    [{ kind: "string" }, 'a"\n\u0000é😀', '"a\\"\\n\\u0000é😀"'],
    [{ kind: "binary" }, Uint8Array.of(0, 255, 1), '"AP8B"'],
    [{ kind: "date" }, 20484, '"2026-01-31"'],
    [{ kind: "timestamp" }, 1769860800123456n, '"2026-01-31T12:00:00.123456Z"'],
    [{ kind: "timestamp" }, -1n, '"1969-12-31T23:59:59.999999Z"'],
    [{ kind: "timestamp_ntz" }, 0n, '"1970-01-01T00:00:00.000000"'],
    [{ kind: "array", elementType: { kind: "long" }, containsNull: true }, [1n, null], "[1,null]"],
    [struct([field('q"', { kind: "long" })]), { 'q"': null }, '{"q\\"":null}'],
    [struct([]), {}, "{}"],
    [mapOf({ kind: "string" }), new Map([["a", 1n], ["b", null]]), '{"a":1,"b":null}'],
    [mapOf({ kind: "integer" }), new Map([[2, 1n]]), '[{"key":2,"value":1}]'],
    [mapOf({ kind: "string" }), new Map(), "{}"],
    [{ kind: "void" }, null, "null"],
    [{ kind: "long" }, null, "null"],
  ];
  test.each(cases)("%p %p", (type, value, expected) => {
    expect(jsonOf(type, value)).toBe(expected);
  });
});

test("a batch is one valid object a line", () => {
  fc.assert(fc.property(arbitraryTable(), ({ schema, rows }) => {
    const lines = batchToNdjson(batchFromRows(schema, rows), schema).split("\n");
    expect(lines.pop()).toBe("");
    expect(lines).toHaveLength(rows.length);
    for (const line of lines) {
      expect(Object.keys(JSON.parse(line))).toEqual(schema.fields.map((f) => f.name));
    }
  }));
}, 60_000);

test("dates are those of the calendar", () => {
  const day = 86_400_000;
  fc.assert(fc.property(fc.integer({ min: -719162, max: 2932896 }), (days) => {
    expect(dateText(days)).toBe(new Date(days * day).toISOString().slice(0, 10));
  }));
  expect([dateText(-719529), dateText(2932897)]).toEqual(["-0001-12-31", "+10000-01-01"]);
});

test("timestamps are those of the calendar, to the microsecond", () => {
  const range = { min: -62135596800000000n, max: 253402300799999999n };
  fc.assert(fc.property(fc.bigInt(range), (micros) => {
    const rest = ((micros % 1000n) + 1000n) % 1000n;
    const millis = new Date(Number((micros - rest) / 1000n)).toISOString().slice(0, -1);
    expect(timestampText(micros)).toBe(`${millis}${String(rest).padStart(3, "0")}`);
    expect(timestampText(micros, 3)).toBe(millis);
  }));
}, 60_000);

test("decimals have all digits of their scale", () => {
  expect(decimalText(0n, 2)).toBe("0.00");
  expect(decimalText(-1n, 38)).toBe(`-0.${"0".repeat(37)}1`);
  expect(decimalText(12n, 0)).toBe("12");
});
