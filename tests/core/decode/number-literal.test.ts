import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  createNumberToken,
  int64Of,
  numberDouble,
  numberInteger,
  numberLong,
  readNumber,
  setSmall,
} from "../../../src/core/decode/number-literal.ts";

const encoder = new TextEncoder();

function read(text: string): ReturnType<typeof createNumberToken> {
  const token = createNumberToken();
  readNumber(encoder.encode(`xx${text},`), 2, token);
  expect(token.end).toBe(text.length + 2);
  return token;
}

test("doubles equal JSON.parse for every literal", () => {
  const digits = (max: number) => fc.stringMatching(new RegExp(`^[0-9]{1,${max}}$`));
  const literal = fc.tuple(
    fc.constantFrom("", "-"),
    fc.oneof(fc.constant("0"), fc.stringMatching(/^[1-9][0-9]{0,24}$/)),
    fc.option(digits(30)),
    fc.option(fc.tuple(fc.constantFrom("e", "E", "e+", "E-", "e-"), fc.nat(330))),
  ).map(([sign, whole, fraction, exponent]) =>
    `${sign}${whole}${fraction === null ? "" : `.${fraction}`}${exponent?.join("") ?? ""}`
  );
  fc.assert(
    fc.property(literal, (text) => {
      const token = read(text);
      if (token.kind === numberDouble) expect(token.value).toBe(JSON.parse(text) as number);
      else expect(int64Of(token.high, token.low)).toBe(BigInt(text));
    }),
    { numRuns: 5000 },
  );
});

test("doubles as JavaScript writes them come back as they are", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = JSON.stringify(value);
      if (/^-?\d+$/.test(text)) return;
      expect(read(text).value).toBe(value);
    }),
    { numRuns: 5000 },
  );
});

test.each(
  [
    ["0", numberInteger, 0n],
    ["-0", numberInteger, 0n],
    ["2147483647", numberInteger, 2147483647n],
    ["2147483648", numberLong, 2147483648n],
    ["-2147483648", numberInteger, -2147483648n],
    ["-2147483649", numberLong, -2147483649n],
    ["4294967296", numberLong, 4294967296n],
    ["999999999999999", numberLong, 999999999999999n],
    ["9007199254740993", numberLong, 9007199254740993n],
    ["-9007199254740993", numberLong, -9007199254740993n],
    ["9223372036854775807", numberLong, 9223372036854775807n],
    ["-9223372036854775808", numberLong, -9223372036854775808n],
    ["0000000000000000005", numberInteger, 5n],
  ] as const,
)("integer %s", (text, kind, value) => {
  const token = read(text);
  expect([token.kind, int64Of(token.high, token.low)]).toEqual([kind, value]);
  expect(token.value).toBe(Number(value));
});

test.each([
  ["9223372036854775808", 2 ** 63],
  ["-9223372036854775809", -(2 ** 63)],
  ["NaN", Number.NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
  ["-0.0", -0],
  ["1.0E10", 1e10],
  ["4.9E-324", 5e-324],
  ["1e400", Infinity],
  ["123456789012345.6", 123456789012345.6],
  ["0.1", 0.1],
  ["1e22", 1e22],
  ["1e23", 1e23],
])("double %s", (text, value) => {
  const token = read(text);
  expect([token.kind, token.value]).toEqual([numberDouble, value]);
});

test.each(["-", "1.", "1.e5", "1e", "1e+", "-NaN", "Nope", "Infinit", "+1", ".5", ""])(
  "%p is no number",
  (text) => {
    const token = createNumberToken();
    expect(() => readNumber(encoder.encode(`${text},`), 0, token)).toThrow("Cannot read JSON");
  },
);

test("setSmall() splits every integer that a double holds", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      const token = createNumberToken();
      setSmall(token, value);
      expect(int64Of(token.high, token.low)).toBe(BigInt(value));
      expect(Object.is(token.value, value === 0 ? 0 : value)).toBe(true);
    }),
  );
});
