import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ColumnNode, kindDecimal } from "../../../src/core/decode/column-node.ts";
import {
  exactDouble,
  normalizedDecimal,
  parseDecimal,
  unscaledDecimal,
} from "../../../src/core/decode/decimal-text.ts";
import { storePlainDecimal } from "../../../src/core/decode/plain-decimal.ts";

test.each([
  ["0", "0"],
  ["-0.000", "0"],
  ["0E+6111", "0"],
  ["1.2300", "1.23"],
  ["-12.34", "-12.34"],
  ["0.05", "5E-2"],
  ["0.5", "5E-1"],
  ["1E+3", "1E3"],
  ["1200", "12E2"],
  ["9.999999999999999999999999999999999E+6144", "9999999999999999999999999999999999E6111"],
])("normalizedDecimal() writes %s as %s", (text, expected) => {
  expect(normalizedDecimal(parseDecimal(text)!)).toBe(expected);
});

test.each(["NaN", "Infinity", "-inf", "", ".", "1e", "--1", "1e99999999", "0x1"])(
  "parseDecimal() takes %p for no finite number",
  (text) => expect(parseDecimal(text)).toBeNull(),
);

test.each([
  ["0.5", 0.5],
  ["-0.125", -0.125],
  ["3", 3],
  ["1E+22", 1e22],
  ["1E+23", null],
  ["0.1", null],
  ["9007199254740993", null],
  ["9007199254740994", 9007199254740994],
  ["1E-6176", null],
  ["1E+6000", null],
])("exactDouble() of %s is %p", (text, expected) => {
  expect(exactDouble(parseDecimal(text)!)).toBe(expected);
});

test("exactDouble() gives every double back", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.nat(60), (mantissa, twos) => {
      const coefficient = BigInt(mantissa) * 5n ** BigInt(twos);
      expect(exactDouble({ coefficient, exponent: -twos })).toBe(mantissa / 2 ** twos + 0);
      // One part in the last place more is no double any more.
      const off = { coefficient: coefficient * 10n ** 40n + 1n, exponent: -twos - 40 };
      expect(exactDouble(off)).toBeNull();
    }),
  );
});

describe("storePlainDecimal()", () => {
  const store = (text: string, precision: number, scale: number): bigint | null => {
    const node = new ColumnNode("d", new Uint8Array(0), null);
    node.kind = kindDecimal;
    node.precision = precision;
    node.scale = scale;
    const bytes = new TextEncoder().encode(`"${text}"`);
    if (!storePlainDecimal(node, 3, bytes, 1, bytes.length - 1)) return null;
    expect([node.rows, node.valid[3]]).toEqual([4, 1]);
    return (node.longs[7]! << 64n) | BigInt.asUintN(64, node.longs[6]!);
  };

  test("equals the general way whenever it takes a text", () => {
    const text = fc.tuple(fc.boolean(), fc.nat(99_999_999), fc.option(fc.nat(9_999_999)))
      .map(([negative, whole, part]) =>
        `${negative ? "-" : ""}${whole}${part === null ? "" : `.${part}`}`
      );
    const shape = fc.constantFrom([38, 18], [10, 2], [20, 7], [38, 0], [9, 9]);
    fc.assert(
      fc.property(text, shape, (value, [precision, scale]) => {
        const found = store(value, precision!, scale!);
        if (found === null) return;
        expect(found).toBe(unscaledDecimal(parseDecimal(value)!, precision!, scale!)!);
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    ["999999999999999", 999999999999999n * 10n ** 18n],
    ["-999999999999999", -999999999999999n * 10n ** 18n],
    ["-0", 0n],
    ["-0.00", 0n],
    ["-1", -(10n ** 18n)],
    ["0.00000000000001", 10000n],
  ])("%s", (text, expected) => expect(store(text, 38, 18)).toBe(expected));

  test.each(["1E+3", "1234567890123456", "1.2.3", "", "-", ".", "NaN", "0.0000000000000000001"])(
    "leaves %p to the general way",
    (text) => expect(store(text, 38, 18)).toBeNull(),
  );

  test("leaves what may be too large for the column to the general way", () => {
    expect(store("1234.5", 5, 2)).toBeNull();
    expect(store("123.45", 5, 2)).toBe(12345n);
  });
});
