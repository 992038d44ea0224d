import { expect, test } from "bun:test";
import fc from "fast-check";
import { ByteBuffer } from "../../../src/core/event/byte-buffer.ts";
import { unescapeString, writeJsonString } from "../../../src/core/event/json-string.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function unescaped(json: string, capacity = 4): string {
  const bytes = encoder.encode(`?${json},`);
  const out = new ByteBuffer(capacity);
  expect(unescapeString(bytes, 1, out)).toBe(bytes.length - 1);
  return decoder.decode(out.bytes.subarray(0, out.length));
}

const texts = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }));

test("unescapeString() undoes JSON.stringify", () => {
  fc.assert(
    fc.property(texts, fc.nat(40), (text, capacity) => {
      expect(unescaped(JSON.stringify(text), capacity)).toBe(text.toWellFormed());
    }),
    { numRuns: 2000 },
  );
});

test("unescapeString() takes every character as \\u escapes", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
      const json = units.map((unit, i) => {
        const hex = unit.toString(16).padStart(4, "0");
        return `\\u${i % 2 === 0 ? hex : hex.toUpperCase()}`;
      });
      expect(unescaped(`"${json.join("")}"`)).toBe(text.toWellFormed());
    }),
    { numRuns: 1000 },
  );
});

test("writeJsonString() writes what JSON.parse reads, in one spelling", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const bytes = encoder.encode(text);
      const out = new ByteBuffer(4);
      writeJsonString(out, bytes, 0, bytes.length);
      const json = decoder.decode(out.bytes.subarray(0, out.length));
      expect(JSON.parse(json)).toBe(text.toWellFormed());
      expect(json).toBe(JSON.stringify(text.toWellFormed()));
    }),
    { numRuns: 2000 },
  );
});

test.each(['"', '"abc', '"a\nb"', '"\\', '"\\x"', '"\\u12"', '"\\u123g"', '"\\ud83d\\u12"'])(
  "%p is refused",
  (json) => {
    const out = new ByteBuffer(4);
    expect(() => unescapeString(encoder.encode(json), 0, out)).toThrow("Cannot read JSON");
  },
);
