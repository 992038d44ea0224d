import type { SchemaElement } from "hyparquet";
import { readFailure } from "./read-failure.ts";

/** A node of a file's own schema. */
export type FileNode = {
  readonly name: string;
  readonly element: SchemaElement;
  readonly children: readonly FileNode[];
  readonly isRepeated: boolean;
  /** Levels of an entry in which this node is present. */
  readonly maxDefinition: number;
  readonly maxRepetition: number;
  /** Position among the file's leaves, -1 for groups. */
  readonly leaf: number;
};

/** Deeper schemas are refused, so that walks over them may be recursive. */
const depthMax = 500;

/** The fields of a file, from the flat list of its footer. */
export function fileFields(elements: readonly SchemaElement[]): readonly FileNode[] {
  let next = 1;
  let leaf = 0;
  const read = (count: number, definition: number, level: number, depth: number): FileNode[] => {
    if (depth > depthMax) throw readFailure(`its schema is nested deeper than ${depthMax}`);
    const nodes: FileNode[] = [];
    for (let i = 0; i < count; i++) {
      const element = elements[next++];
      if (element === undefined) throw readFailure("its schema lacks fields");
      const { repetition_type: repetition, num_children: children, name } = element;
      if (typeof name !== "string") throw readFailure("its schema has a field without a name");
      const isRepeated = repetition === "REPEATED";
      const maxDefinition = definition + (repetition === "REQUIRED" ? 0 : 1);
      const maxRepetition = level + (isRepeated ? 1 : 0);
      const isLeaf = element.type !== undefined;
      const position = isLeaf ? leaf++ : -1;
      const below = isLeaf ? [] : read(children ?? 0, maxDefinition, maxRepetition, depth + 1);
      nodes.push({
        name,
        element,
        children: below,
        isRepeated,
        maxDefinition,
        maxRepetition,
        leaf: position,
      });
    }
    return nodes;
  };
  const [root] = elements;
  if (root === undefined) throw readFailure("it has no schema");
  return read(root.num_children ?? 0, 0, 0, 0);
}

/** The first leaf at or below a node, -1 when it has none. */
export function firstLeaf(node: FileNode): number {
  if (node.leaf >= 0) return node.leaf;
  for (const child of node.children) {
    const found = firstLeaf(child);
    if (found >= 0) return found;
  }
  return -1;
}

/** Leaves of the file in order. */
export function fileLeaves(nodes: readonly FileNode[]): FileNode[] {
  return nodes.flatMap((node) => node.leaf >= 0 ? [node] : fileLeaves(node.children));
}
