import { describe, expect, test } from "bun:test";
import { type DataType, field, struct } from "../../../src/delta/schema/data-type.ts";
import { checkColumnNames, nameProblem } from "../../../src/delta/schema/column-name.ts";

describe("nameProblem", () => {
  for (const name of ["a b", "a,b", "a;b", "{", "}", "(", ")", "a\nb", "a\tb", "a=b"]) {
    test(`${JSON.stringify(name)} holds a forbidden character`, () => {
      expect(nameProblem(name, "column")).toBe("forbidden-character");
      expect(nameProblem(name, "field")).toBe("forbidden-character");
    });
  }
  test("takes dots, dollars, case and every script", () => {
    for (const name of ["a.b", "$x", "_id", "Ünï", "目录", "🎉", "a-b", "a/b", "`", '"']) {
      expect(nameProblem(name, "column")).toBeNull();
    }
  });
  test("reserves the change feed's names for columns, not for fields", () => {
    expect(nameProblem("_change_type", "column")).toBe("reserved");
    expect(nameProblem("_Commit_Version", "column")).toBe("reserved");
    expect(nameProblem("_change_type", "field")).toBeNull();
  });
  test("an empty name is none", () => expect(nameProblem("", "field")).toBe("empty"));
});

test("checkColumnNames names every fault at any depth at once", () => {
  const string: DataType = { kind: "string" };
  const inner = struct([field("x", string), field("X", string), field("", string)]);
  const schema = struct([
    field("a", string),
    field("A", string),
    field("l", { kind: "array", elementType: inner, containsNull: true }),
    field("m", {
      kind: "map",
      keyType: string,
      valueType: struct([field("b c", string)]),
      valueContainsNull: true,
    }),
  ]);
  expect(() => checkColumnNames(schema)).toThrow(
    'The table cannot have these columns: "A": there are two of them; ' +
      '"l.element.X": there are two of them; "l.element.": the name is empty; ' +
      '"m.value.b c": the name holds one of " ,;{}()=", a tab or a line break',
  );
  expect(() => checkColumnNames(struct([field("a", inner.fields[0]!.type)]))).not.toThrow();
});
