import { columnId, physicalNameKey } from "./column-mapping.ts";
import type { DataType, StructType } from "./data-type.ts";
import { visitFields } from "./visit-types.ts";

/**
 * What is wrong with the columns of a table with column mapping (PROTOCOL.md, "Writer Requirements
 * for Column Mapping"), in words; null when nothing is. `maxId` is `delta.columnMapping.maxColumnId`.
 */
export function mappingProblem(schema: StructType, maxId: number | null): string | null {
  const ids = new Set<number>();
  let problem: string | null = null;
  const found = (why: string): void => void (problem ??= why);
  visitFields(schema, (field) => {
    const id = columnId(field);
    const name = field.metadata[physicalNameKey];
    if (id === null) found(`column "${field.name}" has no id`);
    else if (ids.has(id)) found(`two columns have the id ${id}`);
    else if (maxId !== null && id > maxId) {
      found(`column "${field.name}" has the id ${id}, beyond the table's largest, ${maxId}`);
    }
    if (id !== null) ids.add(id);
    if (typeof name !== "string" || name === "") {
      found(`column "${field.name}" has no physical name`);
    }
  });
  visitStructs(schema, (fields) => {
    const names = fields.map((field) => field.metadata[physicalNameKey]);
    if (new Set(names).size !== names.length) found("two columns have the same physical name");
  });
  return problem;
}

function visitStructs(type: DataType, visit: (fields: StructType["fields"]) => void): void {
  if (type.kind === "struct") visit(type.fields);
  visitFields(type, (field) => {
    let inner = field.type;
    while (inner.kind === "array") inner = inner.elementType;
    if (inner.kind === "struct") visit(inner.fields);
    if (inner.kind === "map") {
      visitStructs(inner.keyType, visit);
      visitStructs(inner.valueType, visit);
    }
  });
}
