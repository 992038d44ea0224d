import type { FileNode } from "../../src/delta/parquet/file-schema.ts";

type Json = Readonly<Record<string, unknown>>;

const idKey = "delta.columnMapping.id";
const nameKey = "delta.columnMapping.physicalName";

/** The mode of column mapping that a table's metadata ask for. */
export function mappingModeOf(metadata: Json): string {
  return String((metadata["configuration"] as Json)["delta.columnMapping.mode"] ?? "none");
}

/** The name that files and partition values have for a field of `schemaString`. */
export function physicalNameOf(field: Json, mode: string): string {
  return mode === "none" ? String(field["name"]) : String((field["metadata"] as Json)[nameKey]);
}

/** Ids and physical names of a schema: complete, unique, within the table's largest id. */
export function lintMapping(metadata: Json, at: (finding: string) => void): void {
  if (mappingModeOf(metadata) === "none") return;
  const max = Number((metadata["configuration"] as Json)["delta.columnMapping.maxColumnId"]);
  const ids = new Set<unknown>();
  visitStructs(JSON.parse(String(metadata["schemaString"])), (fields) => {
    const names = new Set<unknown>();
    for (const field of fields) {
      const own = field["metadata"] as Json;
      const [id, name] = [own[idKey], own[nameKey]];
      if (typeof id !== "number" || ids.has(id)) at(`${field["name"]}: id ${id}`);
      if (typeof id === "number" && !(id <= max)) at(`${field["name"]}: id ${id} beyond ${max}`);
      if (typeof name !== "string" || names.has(name)) at(`${field["name"]}: name ${name}`);
      ids.add(id);
      names.add(name);
    }
  });
}

/** Every column of a mapped table's file has the id of its field. */
export function lintFieldIds(
  nodes: readonly FileNode[],
  metadata: Json,
  at: (finding: string) => void,
): void {
  const mode = mappingModeOf(metadata);
  if (mode === "none") return;
  const schema = JSON.parse(String(metadata["schemaString"])) as Json;
  compareStruct(nodes, schema, mode, at);
}

function compareStruct(
  nodes: readonly FileNode[],
  type: Json,
  mode: string,
  at: (finding: string) => void,
): void {
  for (const field of type["fields"] as readonly Json[]) {
    const name = physicalNameOf(field, mode);
    const node = nodes.find((each) => each.name === name);
    if (node === undefined) continue;
    const id = (field["metadata"] as Json)[idKey];
    if (node.element.field_id !== id) at(`${name}: field id ${node.element.field_id}, not ${id}`);
    compareType(node, field["type"], mode, at);
  }
}

function compareType(
  node: FileNode,
  type: unknown,
  mode: string,
  at: (finding: string) => void,
): void {
  if (typeof type !== "object" || type === null) return;
  const json = type as Json;
  const inner = node.children[0]?.children ?? [];
  switch (json["type"]) {
    case "struct":
      return compareStruct(node.children, json, mode, at);
    case "array":
      return compareType(inner[0]!, json["elementType"], mode, at);
    case "map":
      compareType(inner[0]!, json["keyType"], mode, at);
      return compareType(inner[1]!, json["valueType"], mode, at);
    default:
  }
}

function visitStructs(type: unknown, visit: (fields: readonly Json[]) => void): void {
  if (typeof type !== "object" || type === null) return;
  const json = type as Json;
  if (json["type"] === "struct") {
    const fields = json["fields"] as readonly Json[];
    visit(fields);
    for (const field of fields) visitStructs(field["type"], visit);
  }
  for (const part of ["elementType", "keyType", "valueType"]) visitStructs(json[part], visit);
}
