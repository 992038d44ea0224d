import { describe, expect, test } from "bun:test";
import type { MaskMode } from "../../../src/core/decode/decode-rules.ts";
import { hasMasks, maskPlaces, maskStep } from "../../../src/core/decode/field-mask.ts";

/** Masks, names from the root downwards, and what the last one is masked with. */
const steps: readonly (readonly [Record<string, MaskMode>, readonly string[], string | null])[] = [
  [{ a: "hash" }, ["a"], "hash"],
  [{ a: "hash" }, ["A"], null],
  [{ a: "hash" }, ["b"], null],
  [{ a: "hash" }, ["b", "a"], null],
  [{ "a.b": "redact" }, ["a"], null],
  [{ "a.b": "redact" }, ["a", "b"], "redact"],
  [{ "a.b": "redact" }, ["a.b"], "redact"],
  [{ a: "hash" }, ["a.b.c"], "hash"],
  [{ "a.b": "hash" }, ["a", "b.c"], "hash"],
  [{ "a.b": "hash" }, ["a", "c"], null],
  [{ "a.b": "hash" }, ["a.0.b"], "hash"],
  [{ "a.b": "hash" }, ["a", "_12", "b"], "hash"],
  [{ "a.b": "hash" }, ["a.3.7"], null],
  [{ "a.b": "hash" }, ["a", "x1", "b"], null],
  [{ "a.2024": "hash" }, ["a", "2024"], "hash"],
  [{ "a.b": "hash", "a.b.c": "redact" }, ["a", "b"], "hash"],
  [{ a: "hash", "a.0": "redact" }, ["a.0"], "hash"],
  [{ "a.0": "redact", "a.b": "hash" }, ["a.0"], "redact"],
  [{ a: "none" }, ["a"], null],
];

describe("the step to a field", () => {
  for (const [mask, names, expected] of steps) {
    test(`${JSON.stringify(mask)} at ${names.join(" → ")} is ${expected}`, () => {
      let places = maskPlaces({ mask });
      let mode: string | null = null;
      for (const name of names) ({ mode, below: places } = maskStep(places, name));
      expect(mode).toBe(expected);
    });
  }

  test("a mask of none alone is no mask", () => {
    expect(hasMasks({ mask: { a: "none" } })).toBe(false);
    expect(hasMasks({ mask: { a: "none", b: "hash" } })).toBe(true);
  });
});
