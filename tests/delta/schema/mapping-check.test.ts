import { describe, expect, test } from "bun:test";
import { type DataType, struct, type StructField } from "../../../src/delta/schema/data-type.ts";
import { mappingProblem } from "../../../src/delta/schema/mapping-check.ts";

function mapped(name: string, id: unknown, physical: unknown, type?: DataType): StructField {
  const metadata = {
    ...(id === undefined ? {} : { "delta.columnMapping.id": id as number }),
    ...(physical === undefined ? {} : { "delta.columnMapping.physicalName": physical as string }),
  };
  return { name, type: type ?? { kind: "long" }, nullable: true, metadata };
}
const list = (elementType: DataType): DataType => ({
  kind: "array",
  elementType,
  containsNull: true,
});

describe("mappingProblem", () => {
  const problems:
    readonly (readonly [string, readonly StructField[], number | null, string | null])[] = [
      ["all right", [mapped("a", 1, "x"), mapped("b", 2, "y")], 2, null],
      ["ids are gone, the largest is not", [mapped("a", 1, "x")], 9, null],
      [
        "the same name in different structs",
        [
          mapped("a", 1, "x", struct([mapped("b", 2, "x")])),
        ],
        2,
        null,
      ],
      ["no id", [mapped("a", undefined, "x")], 2, expect.stringContaining("has no id") as string],
      [
        "no name",
        [mapped("a", 1, undefined)],
        2,
        expect.stringContaining("no physical name") as string,
      ],
      [
        "an empty name",
        [mapped("a", 1, "")],
        2,
        expect.stringContaining("no physical name") as string,
      ],
      [
        "an id twice, nested",
        [
          mapped("a", 1, "x", list(struct([mapped("b", 1, "y")]))),
        ],
        2,
        "two columns have the id 1",
      ],
      ["an id too large", [mapped("a", 3, "x")], 2, expect.stringContaining("beyond") as string],
      [
        "a name twice",
        [mapped("a", 1, "x"), mapped("b", 2, "x")],
        2,
        expect.stringContaining("same") as string,
      ],
      [
        "a name twice in a list",
        [
          mapped("l", 1, "l", list(list(struct([mapped("a", 2, "x"), mapped("b", 3, "x")])))),
        ],
        3,
        expect.stringContaining("same") as string,
      ],
    ];
  for (const [what, fields, maxId, problem] of problems) {
    test(what, () => expect(mappingProblem(struct(fields), maxId)).toEqual(problem));
  }
});
