import { describe, expect, test } from "bun:test";
import { diffLines, schemaDiff } from "../../src/cli/schema-diff.ts";
import { parseColumnType } from "../../src/cli/settings/column-type.ts";
import type { StructType } from "../../src/delta/schema/data-type.ts";

function schema(text: string): StructType {
  const parsed = parseColumnType(`struct<${text}>`);
  if (parsed.kind !== "value" || parsed.value.kind !== "struct") throw new Error(text);
  return parsed.value;
}

describe("schemaDiff()", () => {
  const cases: readonly (readonly [string | null, string, readonly string[]])[] = [
    [null, "a:long,b:string", ["+ a: long", "+ b: string"]],
    ["a:long", "a:long", []],
    ["a:long", "a:long,b:date", ["+ b: date"]],
    ["a:int", "a:long", ["~ a: integer → long"]],
    ["a:long,b:int", "a:long", ["- b: integer"]],
    ["s:struct<x:int>", "s:struct<x:long,y:int>", ["~ s.x: integer → long", "+ s.y: integer"]],
    [
      "l:array<struct<x:int>>",
      "l:array<struct<x:int,y:int>>",
      ["+ l.element.y: integer"],
    ],
    ["m:map<string,int>", "m:map<string,long>", ["~ m.value: integer → long"]],
    ["a:int", "a:array<int>", ["~ a: integer → array<integer>"]],
    [null, "`a.b`:int,`c d`:int", ["+ `a.b`: integer", "+ `c d`: integer"]],
  ];
  test.each(cases)("from %p to %p", (before, after, lines) => {
    const old = before === null ? null : schema(before);
    expect(diffLines(schemaDiff(old, schema(after)))).toEqual([...lines]);
  });
});
