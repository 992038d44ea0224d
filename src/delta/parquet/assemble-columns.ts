import { assert } from "../../errors.ts";
import type { Column } from "../columns/column.ts";
import { nullColumn } from "../columns/gather.ts";
import type { LeafData } from "./chunk-reader.ts";
import { convertLeaf } from "./convert-leaf.ts";
import { readFailure } from "./read-failure.ts";
import type { ReadPlan } from "./read-plan.ts";
import { variantColumn } from "./variant-column.ts";

/**
 * Where a column's rows are among the entries of a leaf: an entry begins a row when its repetition
 * level is at most `repetition` and its definition level at least `definition`.
 */
type Frame = { readonly repetition: number; readonly definition: number; readonly length: number };

/** Builds the column of a plan from decoded leaves; the reverse of `visitLeaves`. */
export function assembleColumn(
  plan: ReadPlan,
  leaves: ReadonlyMap<number, LeafData>,
  rows: number,
): Column {
  return assemble(plan, leaves, { repetition: 0, definition: 0, length: rows });
}

function assemble(plan: ReadPlan, leaves: ReadonlyMap<number, LeafData>, frame: Frame): Column {
  switch (plan.kind) {
    case "missing":
      return nullColumn(frame.length);
    case "leaf": {
      const { node, type, path } = plan;
      const leaf = leafOf(leaves, node.leaf);
      const { valid, rows } = placement(leaf, node.maxDefinition, frame);
      return convertLeaf(leaf, node.element, type, { length: frame.length, valid, rows }, path);
    }
    case "variant":
      return variantColumn(assemble(plan.group, leaves, frame), plan.type);
    case "struct": {
      const { valid } = placement(leafOf(leaves, plan.levels), plan.maxDefinition, frame);
      const children = plan.children.map((child) => assemble(child, leaves, frame));
      return { kind: "struct", length: frame.length, valid, children };
    }
    case "list": {
      const { valid, offsets, inner } = listShape(plan, leaves, frame);
      const [element] = plan.children;
      assert(element !== undefined, "a list has an element");
      const { length } = frame;
      return { kind: "list", length, valid, offsets, element: assemble(element, leaves, inner) };
    }
    case "map": {
      const { valid, offsets, inner } = listShape(plan, leaves, frame);
      const [key, value] = plan.children;
      assert(key !== undefined && value !== undefined, "a map has keys and values");
      return {
        kind: "map",
        length: frame.length,
        valid,
        offsets,
        key: assemble(key, leaves, inner),
        value: assemble(value, leaves, inner),
      };
    }
  }
}

function leafOf(leaves: ReadonlyMap<number, LeafData>, leaf: number): LeafData {
  const data = leaves.get(leaf);
  assert(data !== undefined, "a planned leaf was read");
  return data;
}

/** Which rows have a value (or group) at level `maxDefinition`. */
function placement(
  leaf: LeafData,
  maxDefinition: number,
  frame: Frame,
): { readonly valid: Uint8Array; readonly rows: Int32Array | null } {
  const { definition, repetition } = leaf;
  const valid = new Uint8Array(frame.length);
  if (definition === null && (repetition === null || leaf.entries === frame.length)) {
    return { valid: valid.fill(1), rows: null };
  }
  const rows = new Int32Array(frame.length);
  let row = 0;
  let count = 0;
  for (let entry = 0; entry < leaf.entries; entry++) {
    // A definition that is null is the leaf's own maximum, which is deeper than any ancestor's.
    const level = definition === null ? maxDefinition : definition[entry]!;
    if (level < frame.definition) continue;
    if (repetition !== null && repetition[entry]! > frame.repetition) continue;
    if (level >= maxDefinition) {
      valid[row] = 1;
      rows[count++] = row;
    }
    row++;
  }
  if (row !== frame.length) throw readFailure("levels of a column disagree about its rows");
  return { valid, rows: rows.subarray(0, count) };
}

type Shape = { readonly valid: Uint8Array; readonly offsets: Int32Array; readonly inner: Frame };

function listShape(
  plan: ReadPlan & { readonly kind: "list" | "map" },
  leaves: ReadonlyMap<number, LeafData>,
  frame: Frame,
): Shape {
  const { definition, repetition, entries } = leafOf(leaves, plan.levels);
  const { maxDefinition, maxRepetition } = plan.repeated;
  const valid = new Uint8Array(frame.length);
  const offsets = new Int32Array(frame.length + 1);
  let row = -1;
  let items = 0;
  for (let entry = 0; entry < entries; entry++) {
    const level = definition === null ? maxDefinition : definition[entry]!;
    const repeat = repetition === null ? 0 : repetition[entry]!;
    if (level < frame.definition) continue;
    if (repeat <= frame.repetition) {
      row++;
      offsets[row + 1] = items;
      if (level >= plan.maxDefinition) valid[row] = 1;
    }
    if (level >= maxDefinition && repeat <= maxRepetition) offsets[row + 1] = ++items;
  }
  if (row + 1 !== frame.length) throw readFailure("levels of a list disagree about its rows");
  const inner = { repetition: maxRepetition, definition: maxDefinition, length: items };
  return { valid, offsets, inner };
}
