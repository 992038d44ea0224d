import { expect, test } from "bun:test";
import { incompatibility } from "../../../src/delta/operations/change-schema.ts";
import { assignColumns } from "../../../src/delta/schema/assign-columns.ts";
import {
  columnIdKey,
  physicalNameKey,
  physicalSchema,
} from "../../../src/delta/schema/column-mapping.ts";
import {
  prunedSchema,
  requireColumn,
  type ResolvedPath,
} from "../../../src/delta/schema/column-path.ts";
import { struct, type StructField, type StructType } from "../../../src/delta/schema/data-type.ts";
import { mappingProblem } from "../../../src/delta/schema/mapping-check.ts";
import { findTypeChanges, mergeSchema } from "../../../src/delta/schema/merge-schema.ts";
import { schemaFromJson, schemaToJson } from "../../../src/delta/schema/schema-json.ts";

/** A schema of so many columns that counts how often a column is looked at. */
function countingSchema(columns: number): { readonly schema: StructType; looks(): number } {
  let looks = 0;
  const count = (field: StructField, key: keyof StructField): void => {
    const value = field[key];
    Object.defineProperty(field, key, {
      enumerable: true,
      get: () => {
        looks += 1;
        return value;
      },
    });
  };
  const schema = struct(Array.from({ length: columns }, (_, i): StructField => {
    const metadata = { [columnIdKey]: i + 1, [physicalNameKey]: `col-${i}` };
    const field: StructField = { name: `c${i}`, type: { kind: "long" }, nullable: true, metadata };
    for (const key of ["name", "type", "metadata"] as const) count(field, key);
    return field;
  }));
  return { schema, looks: () => looks };
}

const steps: readonly (readonly [string, (a: StructType, b: StructType) => unknown])[] = [
  ["to read and write a schema", (a) => schemaFromJson(schemaToJson(a))],
  ["to map it", (a) => physicalSchema(a, "name")],
  ["to check its mapping", (a) => expect(mappingProblem(a, null)).toBeNull()],
  ["to give ids", (a, b) => assignColumns(a, b, { maxColumnId: 0, uuid: () => "u" })],
  ["to merge two", (a, b) => mergeSchema(a, b)],
  ["to compare types", (a, b) => findTypeChanges(a, b)],
  ["to choose columns", (a) => prunedSchema(a, a.fields.map(pathOf))],
  ...(["none", "name"] as const).map((columnMapping) =>
    [`to read changes, mapped by ${columnMapping}`, (a: StructType, b: StructType) => {
      const partitionColumns: string[] = [];
      const layout = (schema: StructType) => ({ schema, partitionColumns, columnMapping });
      expect(incompatibility(layout(a), layout(b))).toBeNull();
    }] as const
  ),
];

/** The path of a column, which is looked at whenever the path is gone through. */
function pathOf(field: StructField): ResolvedPath {
  const fields = [field];
  Object.defineProperty(fields, Symbol.iterator, {
    *value() {
      if (field.name !== "") yield field;
    },
  });
  return { path: { text: "", names: [] }, fields, type: field.type };
}

for (const [what, step] of steps) {
  test(`the work ${what} grows as the number of columns does`, () => {
    const [few, many] = [200, 800].map((columns) => {
      const [a, b] = [countingSchema(columns), countingSchema(columns)];
      step(a.schema, b.schema);
      return a.looks() + b.looks();
    });
    expect(few).toBeGreaterThan(0);
    expect(many).toBeLessThan(5 * few!);
  });
}

test("the message about a missing column names some of many", () => {
  const { schema } = countingSchema(10_000);
  const call = () => requireColumn(schema, { text: "zz", names: ["zz"] }, "memory:");
  expect(call).toThrow(
    /^There is no column "zz" in memory:\. Of its 10000 columns the first are c0, .*, c49$/,
  );
});
