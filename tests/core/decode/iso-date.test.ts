import { expect, test } from "bun:test";
import fc from "fast-check";
import { millisOfIsoDate } from "../../../src/core/decode/iso-date.ts";
import { createNumberToken, int64Of } from "../../../src/core/decode/number-literal.ts";

function read(text: string): number | null {
  const token = createNumberToken();
  const bytes = new TextEncoder().encode(`"${text}"`);
  if (!millisOfIsoDate(bytes, 1, bytes.length - 1, token)) return null;
  expect(int64Of(token.high, token.low)).toBe(BigInt(token.value));
  return token.value;
}

test("millisOfIsoDate() equals Date for every moment of the years 0 to 9999", () => {
  const moments = fc.integer({ min: -62167219200000, max: 253402300799999 });
  fc.assert(
    fc.property(moments, (ms) => {
      const text = new Date(ms).toISOString();
      expect(read(text)).toBe(ms);
      expect(read(text.replace("Z", "+01:30"))).toBe(ms - 5400000);
      expect(read(text.replace("Z", "-0200"))).toBe(ms + 7200000);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ["2018-05-08T06:34:12Z", 1525761252000],
  ["2018-05-08T06:34:12.3Z", 1525761252300],
  ["2018-05-08T06:34:12.34Z", 1525761252340],
  ["2020-02-29T00:00:00Z", 1582934400000],
  ["2000-02-29T23:59:59.999Z", 951868799999],
])("%s is %p", (text, ms) => expect(read(text)).toBe(ms));

test.each([
  "2020-01-01",
  "2020-01-01T00:00:00",
  "2020-01-01 00:00:00Z",
  "2019-02-29T00:00:00Z",
  "1900-02-29T00:00:00Z",
  "2020-13-01T00:00:00Z",
  "2020-00-01T00:00:00Z",
  "2020-04-31T00:00:00Z",
  "2020-01-01T24:00:00Z",
  "2020-01-01T00:60:00Z",
  "2020-01-01T00:00:60Z",
  "2020-01-01T00:00:00.Z",
  "2020-01-01T00:00:00.1234Z",
  "2020-01-01T00:00:00+24:00",
  "2020-01-01T00:00:00+1:00",
  "2020-01-01T00:00:00ZZ",
  "20x0-01-01T00:00:00Z",
  "tomorrow at twelve o'clock",
  "",
])("%p is no date", (text) => expect(read(text)).toBeNull());
