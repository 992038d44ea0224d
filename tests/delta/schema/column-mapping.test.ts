import { describe, expect, test } from "bun:test";
import { columnMappingOf } from "../../../src/delta/log/table-features.ts";
import type { FileNode } from "../../../src/delta/parquet/file-schema.ts";
import { planFields } from "../../../src/delta/parquet/read-plan.ts";
import {
  columnId,
  physicalName,
  physicalSchema,
} from "../../../src/delta/schema/column-mapping.ts";
import { type DataType, struct, type StructField } from "../../../src/delta/schema/data-type.ts";

function mapped(name: string, physical: string, id: number, type: DataType): StructField {
  const metadata = {
    "delta.columnMapping.id": id,
    "delta.columnMapping.physicalName": physical,
    comment: "kept",
  };
  return { name, type, nullable: true, metadata };
}

const long = { kind: "long" } as const;
const inner = struct([mapped("b", "col-b", 3, long)]);

describe("physicalSchema()", () => {
  const schema = struct([
    mapped("a", "col-a", 1, inner),
    mapped("list", "col-list", 4, { kind: "array", elementType: inner, containsNull: true }),
    mapped("map", "col-map", 5, {
      kind: "map",
      keyType: inner,
      valueType: inner,
      valueContainsNull: true,
    }),
  ]);

  test("has the names of the files at every depth, all else as it was", () => {
    const text = JSON.stringify(schema).replaceAll(/"name":"(\w+)"/g, '"name":"col-$1"');
    expect(physicalSchema(schema, "name")).toEqual(JSON.parse(text));
    expect(physicalSchema(schema, "id")).toEqual(JSON.parse(text));
    expect(physicalSchema(schema, "none")).toBe(schema);
  });

  test("refuses a field without a physical name", () => {
    const field = { ...mapped("a", "", 1, long) };
    expect(() => physicalName(field, "name")).toThrow('Column "a" of a table with column mapping');
    expect(physicalName(field, "none")).toBe("a");
  });
});

test("a mode has force only with the feature", () => {
  const protocol = (minReaderVersion: number, features: string[]) => ({
    minReaderVersion,
    minWriterVersion: 7,
    readerFeatures: features,
    writerFeatures: features,
  });
  expect(columnMappingOf(protocol(3, ["columnMapping"]), "id")).toBe("id");
  expect(columnMappingOf(protocol(3, []), "id")).toBe("none");
  expect(columnMappingOf({ minReaderVersion: 2, minWriterVersion: 5 }, "name")).toBe("name");
});

test("by id a column is found whatever it is called, and only by id", () => {
  const node = (name: string, id: number | undefined, leaf: number): FileNode => ({
    name,
    element: { name, type: "INT64", ...(id === undefined ? {} : { field_id: id }) },
    children: [],
    isRepeated: false,
    maxDefinition: 1,
    maxRepetition: 0,
    leaf,
  });
  const wanted = struct([mapped("a", "col-a", 1, long), mapped("b", "col-b", 2, long)]);
  const nodes = [node("other", 1, 0), node("col-b", undefined, 1)];
  expect(planFields(wanted, nodes, "id").map((plan) => plan.kind)).toEqual(["leaf", "missing"]);
  expect(planFields(wanted, nodes).map((plan) => plan.kind)).toEqual(["missing", "missing"]);
  const byName = planFields(physicalSchema(wanted, "name"), nodes);
  expect(byName.map((plan) => plan.kind)).toEqual(["missing", "leaf"]);
  expect(columnId(wanted.fields[1]!)).toBe(2);
});
