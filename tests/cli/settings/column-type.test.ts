import { describe, expect, test } from "bun:test";
import { formatColumnType, parseColumnType } from "../../../src/cli/settings/column-type.ts";

describe("parseColumnType()", () => {
  const valid: readonly (readonly [string, string])[] = [
    ["string", "string"],
    ["BIGINT", "long"],
    ["int", "integer"],
    ["decimal(10,2)", "decimal(10,2)"],
    ["decimal( 38 , 18 )", "decimal(38,18)"],
    ["decimal(5)", "decimal(5,0)"],
    ["decimal", "decimal(10,0)"],
    ["array<string>", "array<string>"],
    ["map<string, array<long>>", "map<string,array<long>>"],
    ["struct<a:long, b:struct<c:date>>", "struct<a:long,b:struct<c:date>>"],
    ["struct<`a b`:long,`c``d`:int>", "struct<`a b`:long,`c``d`:integer>"],
    ["timestamp_ntz", "timestamp_ntz"],
  ];
  test.each(valid)("reads %p as %p", (text, shown) => {
    const parsed = parseColumnType(text);
    if (parsed.kind !== "value") throw new Error(parsed.message);
    expect(formatColumnType(parsed.value)).toBe(shown);
    expect(parseColumnType(shown)).toEqual(parsed);
  });

  const wrong = [
    "",
    "text",
    "void",
    "variant",
    "decimal(39,2)",
    "decimal(5,6)",
    "decimal(0,0)",
    "decimal(5,2",
    "array",
    "array<string",
    "array<string>>",
    "map<string>",
    "struct<>",
    "struct<a>",
    "struct<a:long,A:long>",
    "constructor",
    "array<".repeat(40) + "string" + ">".repeat(40),
  ];
  test.each(wrong)("refuses %p", (text) => expect(parseColumnType(text).kind).toBe("invalid"));
});
