import { describe, expect, test } from "bun:test";
import { array, assert, constantFrom, oneof, property, string } from "fast-check";
import { checkKey, compareKeys, isKey } from "../../../src/delta/storage/object-key.ts";

const text = string({ unit: "binary", maxLength: 12 });
const nearText = array(
  constantFrom("a", "/", "-", "\u007f", "é", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "😀"),
  { maxLength: 6 },
).map((parts) => parts.join(""));

describe("compareKeys()", () => {
  test("orders as the UTF-8 bytes do", () => {
    assert(
      property(oneof(text, nearText), oneof(text, nearText), (left, right) => {
        const expected = Buffer.compare(Buffer.from(left), Buffer.from(right));
        expect(Math.sign(compareKeys(left, right))).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  test("puts characters above U+FFFF last, unlike JavaScript", () => {
    expect(["\uffee", "😀"].sort()).toEqual(["😀", "\uffee"]);
    expect(compareKeys("😀", "\uffee")).toBeGreaterThan(0);
  });
});

describe("isKey()", () => {
  test("is true exactly for what checkKey() lets pass", () => {
    const segment = constantFrom("", ".", "..", "a", "...", "a b", "%2F", "\0", "\ud800", "é");
    const key = array(segment, { maxLength: 4 }).map((segments) => segments.join("/"));
    assert(property(key, (text) => {
      let passes = true;
      try {
        checkKey(text, "memory:");
      } catch {
        passes = false;
      }
      expect(isKey(text)).toBe(passes);
      const segments = text.split("/");
      const expected = text.isWellFormed() && !text.includes("\0") &&
        segments.every((part) => part !== "" && part !== "." && part !== "..");
      expect(passes).toBe(expected);
    }));
  });
});
