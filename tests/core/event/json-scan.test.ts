import { expect, test } from "bun:test";
import fc from "fast-check";
import { skipValue } from "../../../src/core/event/json-scan.ts";
import type { CdcDeltaError } from "../../../src/errors.ts";
import { checkJson } from "../../../src/core/decode/canonical-json.ts";

const encoder = new TextEncoder();

test("skipValue() and checkJson() end where the value does", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, "\t"), (value, indent) => {
      const bytes = encoder.encode(`${JSON.stringify(value, null, indent)},{"next":1}`);
      const end = bytes.length - ',{"next":1}'.length;
      expect(skipValue(bytes, 0)).toBe(end);
      expect(checkJson(bytes, 0)).toBe(end);
    }),
    { numRuns: 1000 },
  );
});

test("checkJson() refuses what JSON.parse refuses when a byte is lost", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(), (value, at) => {
      const whole = JSON.stringify([value]);
      const text = whole.slice(0, at % whole.length) + whole.slice(at % whole.length + 1);
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      const bytes = encoder.encode(`${text}\0`);
      let end = -1;
      try {
        end = checkJson(bytes, 0);
      } catch {
        // Refused.
      }
      // Leading zeros are the one thing taken beyond JSON.
      if (valid) expect(end).toBe(bytes.length - 1);
      else if (!/(^|[^\d.eE+-])-?0\d/.test(text)) expect(end).not.toBe(bytes.length - 1);
    }),
    { numRuns: 3000 },
  );
});

test("scanning a cut record stops at the next one", () => {
  const next = '\n{"op":"c","source":{"db":"a"}}'.repeat(1000);
  for (const cut of ['{"schema":{"a":{"b":1', '{"a":[{"b":1}', '{"a":{"b":{}']) {
    let at: unknown = null;
    try {
      skipValue(encoder.encode(cut + next), 0);
    } catch (error) {
      at = (error as CdcDeltaError).context["at"];
    }
    expect(at).toBe(cut.length);
  }
});
