import { columnId } from "../schema/column-mapping.ts";
import { CdcDeltaError } from "../../errors.ts";
import { type DataType, struct, type StructField, type StructType } from "../schema/data-type.ts";
import { variantFields } from "./parquet-schema.ts";
import { type FileNode, firstLeaf } from "./file-schema.ts";
import { readFailure } from "./read-failure.ts";
import { variantShape } from "./variant-shape.ts";

/**
 * How a column is put together from a file's leaves. `levels` is the leaf whose levels tell the shape
 * of a group.
 */
export type ReadPlan =
  /** The file does not have it: all null. */
  | { readonly kind: "missing" }
  | {
    readonly kind: "leaf";
    readonly type: DataType;
    readonly node: FileNode;
    readonly path: string;
  }
  | {
    readonly kind: "struct";
    readonly maxDefinition: number;
    readonly levels: number;
    readonly children: readonly ReadPlan[];
  }
  | {
    readonly kind: "list" | "map";
    readonly maxDefinition: number;
    readonly repeated: FileNode;
    readonly levels: number;
    /** The element; or key and value. */
    readonly children: readonly ReadPlan[];
  }
  | {
    readonly kind: "variant";
    readonly levels: number;
    /** Its group, read as a struct of `type`. */
    readonly group: ReadPlan;
    readonly type: StructType;
  };

/** By name: exactly, or else ignoring case where that is unambiguous; or by the field ids of Delta. */
export type MatchBy = "name" | "id";

/**
 * Plans for the fields of `wanted`; a field without a match is missing. Errors: `parquet` when a
 * column's shape is not the wanted one.
 */
export function planFields(
  wanted: StructType,
  nodes: readonly FileNode[],
  matchBy: MatchBy = "name",
): ReadPlan[] {
  return planStruct(wanted, nodes, "", matchBy === "id" ? byId : byName);
}

/** Looks a group's nodes through once, so that a field of thousands is found at once. */
type Find = (nodes: readonly FileNode[]) => (field: StructField) => FileNode | null;

function planStruct(
  wanted: StructType,
  nodes: readonly FileNode[],
  above: string,
  find: Find,
): ReadPlan[] {
  const nodeOf = find(nodes);
  return wanted.fields.map((field) => {
    const node = nodeOf(field);
    if (node === null || field.type.kind === "void") return { kind: "missing" };
    return plan(field.type, node, above === "" ? field.name : `${above}.${field.name}`, find);
  });
}

function byId(nodes: readonly FileNode[]): (field: StructField) => FileNode | null {
  const names = firstOf(nodes, (node) => node.name);
  const ids = firstOf(nodes, (node) => node.element.field_id);
  return (field) => {
    const id = columnId(field);
    // Columns that are none of the table's own have a name alone.
    return (id === null ? names.get(field.name) : ids.get(id)) ?? null;
  };
}

function byName(nodes: readonly FileNode[]): (field: StructField) => FileNode | null {
  const names = firstOf(nodes, (node) => node.name);
  /** Null: several have the name. Looked for only where a field is missing. */
  let folded: Map<string, FileNode | null> | null = null;
  return ({ name }) => names.get(name) ?? (folded ??= alike(nodes)).get(name.toLowerCase()) ?? null;
}

function alike(nodes: readonly FileNode[]): Map<string, FileNode | null> {
  const found = new Map<string, FileNode | null>();
  for (const node of nodes) {
    const name = node.name.toLowerCase();
    found.set(name, found.has(name) ? null : node);
  }
  return found;
}

function firstOf<Key>(
  nodes: readonly FileNode[],
  keyOf: (node: FileNode) => Key,
): Map<Key, FileNode> {
  const found = new Map<Key, FileNode>();
  for (const node of nodes) if (!found.has(keyOf(node))) found.set(keyOf(node), node);
  return found;
}

function plan(type: DataType, node: FileNode, path: string, find: Find): ReadPlan {
  if (type.kind === "array") return planList(type.elementType, node, path, find);
  if (node.isRepeated) throw readFailure(`column '${path}' is repeated in it, not a ${type.kind}`);
  return planOnce(type, node, path, find);
}

/** A node taken as one value, whether it is repeated or not. */
function planOnce(type: DataType, node: FileNode, path: string, find: Find): ReadPlan {
  switch (type.kind) {
    case "array":
      return planList(type.elementType, node, path, find);
    case "struct": {
      if (node.leaf >= 0) throw wrongShape(type, node, path);
      const children = planStruct(type, node.children, path, find);
      const levels = levelsOf(children, node);
      if (levels < 0) return { kind: "missing" };
      return { kind: "struct", maxDefinition: node.maxDefinition, levels, children };
    }
    case "map": {
      const [repeated] = node.children;
      if (repeated === undefined || !repeated.isRepeated) throw wrongShape(type, node, path);
      const part = (name: string, at: number): FileNode | null =>
        repeated.children.find((child) => child.name === name) ?? repeated.children[at] ?? null;
      const key = part("key", 0);
      const value = part("value", 1);
      if (key === null) throw wrongShape(type, node, path);
      const children: ReadPlan[] = [
        plan(type.keyType, key, `${path}.key`, find),
        value === null ? { kind: "missing" } : plan(type.valueType, value, `${path}.value`, find),
      ];
      const levels = levelsOf(children, repeated);
      return { kind: "map", maxDefinition: node.maxDefinition, repeated, levels, children };
    }
    case "variant": {
      if (type.stored === true) return planStored(node, path);
      const shape = variantShape(node, path);
      // Inside of a variant names count, whatever the table's columns are found by.
      const group = planOnce(shape.type, shape.node, path, byName);
      return { kind: "variant", levels: levelsOf([group], node), group, type: shape.type };
    }
    default:
      if (node.leaf < 0) throw wrongShape(type, node, path);
      return { kind: "leaf", type, node, path };
  }
}

/** A variant as it is stored. Errors: `unsupported` for a shredded one, which has more parts. */
function planStored(node: FileNode, path: string): ReadPlan {
  if (node.children.some((child) => child.name === "typed_value")) {
    throw new CdcDeltaError(
      "unsupported",
      `Cannot rewrite the variants of column '${path}': they are shredded, which cdcdelta reads ` +
        "and does not write",
      { context: { features: "variantShredding" } },
    );
  }
  const children = planStruct(struct(variantFields), node.children, path, byName);
  return {
    kind: "struct",
    maxDefinition: node.maxDefinition,
    levels: levelsOf(children, node),
    children,
  };
}

/**
 * Lists in the shapes that parquet-format names ("Lists", backward-compatibility rules): three
 * levels, two levels, and a repeated field without a group. Where a shape is ambiguous the wanted
 * element type decides.
 */
function planList(elementType: DataType, node: FileNode, path: string, find: Find): ReadPlan {
  const elementPath = `${path}.element`;
  if (node.isRepeated) {
    const element = planOnce(elementType, node, elementPath, find);
    const levels = levelsOf([element], node);
    // Without a group of its own the list is never null where its parent is there.
    const maxDefinition = node.maxDefinition - 1;
    return { kind: "list", maxDefinition, repeated: node, levels, children: [element] };
  }
  const [repeated] = node.children;
  if (repeated === undefined || !repeated.isRepeated) {
    throw wrongShape({ kind: "array", elementType, containsNull: true }, node, path);
  }
  const element = isElement(repeated, elementType, node.name)
    ? planOnce(elementType, repeated, elementPath, find)
    : plan(elementType, repeated.children[0]!, elementPath, find);
  const levels = levelsOf([element], repeated);
  return {
    kind: "list",
    maxDefinition: node.maxDefinition,
    repeated,
    levels,
    children: [element],
  };
}

/** Whether the repeated node is the element itself, instead of a layer around it. */
function isElement(repeated: FileNode, elementType: DataType, listName: string): boolean {
  if (repeated.leaf >= 0 || repeated.children.length !== 1) return true;
  if (elementType.kind !== "struct") return false;
  if (repeated.name === "array" || repeated.name === `${listName}_tuple`) return true;
  return repeated.children[0]!.leaf >= 0;
}

function levelsOf(children: readonly ReadPlan[], node: FileNode): number {
  for (const child of children) {
    if (child.kind === "leaf") return child.node.leaf;
    if (child.kind !== "missing") return child.levels;
  }
  return firstLeaf(node);
}

function wrongShape(type: DataType, node: FileNode, path: string): Error {
  const found = node.leaf >= 0 ? String(node.element.type) : "a group";
  return readFailure(`column '${path}' is ${found} in it, which is not a ${type.kind}`);
}

/** The leaves that a plan needs, each once. */
export function neededLeaves(plans: readonly ReadPlan[]): ReadonlySet<number> {
  const leaves = new Set<number>();
  const visit = (plan: ReadPlan): void => {
    if (plan.kind === "missing") return;
    if (plan.kind === "leaf") return void leaves.add(plan.node.leaf);
    leaves.add(plan.levels);
    if (plan.kind === "variant") return visit(plan.group);
    plan.children.forEach(visit);
  };
  plans.forEach(visit);
  return leaves;
}
