import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { jsonProblem } from "../../../src/core/connect/json-problem.ts";

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("jsonProblem", () => {
  test.each<[string, number, string]>([
    ["", 0, "a value"],
    ["{a: 1}", 1, "a name in double quotes"],
    ["{'a': 1}", 1, "a name in double quotes"],
    ['{"a" 1}', 5, "a colon"],
    ['{"a": }', 6, "a value"],
    ['{"a": 1', 7, "a comma or }"],
    ['{"a": 1,}', 8, "a name in double quotes"],
    ['{"a": 01}', 7, "a comma or }"],
    ['{"a": NaN}', 6, "a value"],
    ['{"a": ObjectId("5")}', 6, "a value"],
    ["[1 2]", 3, "a comma or ]"],
    ['["a\nb"]', 1, "a string that ends in double quotes"],
    ['{"a": 1} x', 9, "the end"],
    [`${"[".repeat(5000)}`, 1001, "less nesting"],
  ])("%p", (text, at, expected) => {
    expect(jsonProblem(text)).toEqual({ at, expected });
  });

  test("agrees with JSON.parse on JSON and on JSON with one character changed", () => {
    const damaged = fc.tuple(fc.json(), fc.nat(), fc.constantFrom(...'{}[]",:0-.eE+\\ \tnu\u0001'));
    fc.assert(fc.property(damaged, ([text, at, c]) => {
      expect(jsonProblem(text)).toBeNull();
      const cut = at % (text.length + 1);
      for (const changed of [text.slice(0, cut) + c + text.slice(cut + 1), text.slice(0, cut)]) {
        expect(jsonProblem(changed) === null).toBe(parses(changed));
      }
    }));
  });
});
