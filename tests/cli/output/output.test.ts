import { describe, expect, test } from "bun:test";
import { counted } from "../../../src/cli/output/counted.ts";
import { csvLine } from "../../../src/cli/output/csv.ts";
import { jsonText } from "../../../src/cli/output/json-text.ts";
import { factsText, tableText } from "../../../src/cli/output/table-text.ts";
import { parseLossless } from "../../../src/delta/schema/lossless-json.ts";

describe("jsonText()", () => {
  const value = { a: [1, "x", null, { b: true }], c: {}, d: [], e: undefined, "f\n": "é" };

  test("writes what JSON.stringify writes", () => {
    expect(jsonText(value)).toBe(JSON.stringify(value, null, 2));
    expect(jsonText(value, 0)).toBe(JSON.stringify(value));
    for (const plain of [null, 1, "x", [], {}, [[]]]) {
      expect(jsonText(plain)).toBe(JSON.stringify(plain, null, 2));
    }
  });

  test("keeps every digit of bigints and of numbers read without loss", () => {
    expect(jsonText({ a: 9_223_372_036_854_775_807n }, 0)).toBe('{"a":9223372036854775807}');
    expect(jsonText(parseLossless('{"a":9223372036854775807,"b":1.0}'), 0))
      .toBe('{"a":9223372036854775807,"b":1.0}');
  });
});

test("csvLine() quotes what it must", () => {
  expect(csvLine(["a", "b,c", 'd"e', "f\ng", " h", "", null, "é"]))
    .toBe('a,"b,c","d""e","f\ng"," h","",,é\r\n');
});

test("counted() knows one from many", () => {
  const counts = [0, 1, 2, 1n, "1", "10"];
  expect(counts.map((count) => counted(count, "row")))
    .toEqual(["0 rows", "1 row", "2 rows", "1 row", "1 row", "10 rows"]);
});

describe("tableText()", () => {
  test("aligns columns, numbers to the right", () => {
    expect(tableText(["name", "n"], [["a", 5], ["long name", 1234]])).toBe(
      ["name          n", "a             5", "long name  1234", ""].join("\n"),
    );
  });

  test("shows null as a dash, and no rows as the header alone", () => {
    expect(tableText(["a", "b"], [[null, "x"]])).toBe("a  b\n-  x\n");
    expect(tableText(["a", "b"], [])).toBe("a  b\n");
  });
});

test("factsText() keeps lines of a value in its column", () => {
  expect(factsText([["a", "1"], ["long", "x\ny"], ["n", null]]))
    .toBe("a     1\nlong  x\n      y\nn     -\n");
});
