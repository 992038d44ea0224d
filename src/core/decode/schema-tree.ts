import type { DataType, StructField } from "../../delta/schema/data-type.ts";
import { assert } from "../../errors.ts";
import { checkJson } from "./canonical-json.ts";
import { ColumnNode, filterAll, kindList, kindStruct, kindUnknown } from "./column-node.ts";
import { columnKindOf, dataTypeOf } from "./column-types.ts";
import type { DecodeRules } from "./decode-rules.ts";
import { addField } from "./field-lookup.ts";
import { dottedPath, type FieldFilter, fieldFilter, filterOf } from "./field-filter.ts";
import { maskPlaces, maskStep } from "./field-mask.ts";
import {
  columnNameProblem,
  columnOf,
  type FieldRenames,
  fieldRenames,
  isTaken,
  sourceOf,
} from "./field-rename.ts";

const encoder = new TextEncoder();

/**
 * The columns of a table's documents as a tree that grows while documents are read. All that
 * decides about the next value is in the schema, so a stream gives the same schema and rows however
 * it is cut into jobs.
 */
export class SchemaTree {
  readonly root: ColumnNode;
  readonly rules: DecodeRules;
  private readonly partitionBy: readonly string[];
  private readonly filter: FieldFilter;
  private readonly renames: FieldRenames;
  /** Leaf columns so far, our own included. */
  leaves: number;
  mayWiden: boolean;
  /** The document being read: it is checked whole before it may change the schema. */
  private text: Uint8Array;
  private textStart: number;
  private checked: boolean;

  constructor(rules: DecodeRules, partitionBy: readonly string[], leaves: number) {
    this.root = new ColumnNode("", new Uint8Array(0), null);
    this.root.kind = kindStruct;
    this.root.special = 0;
    this.root.typedNames = new Set();
    this.root.masks = maskPlaces(rules);
    this.rules = rules;
    this.partitionBy = partitionBy;
    this.filter = fieldFilter(rules);
    this.renames = fieldRenames(rules);
    this.leaves = leaves;
    this.mayWiden = true;
    this.text = new Uint8Array(0);
    this.textStart = 0;
    this.checked = true;
  }

  /** Adds columns that the table has. */
  addExisting(fields: readonly StructField[]): void {
    for (const existing of fields) this.addExistingField(this.root, existing);
  }

  private addExistingField(parent: ColumnNode, existing: StructField): void {
    const source = sourceOf(this.renames, dottedPath(parent), existing.name);
    const node = source === null ? fieldless(parent, existing.name) : this.newField(parent, source);
    node.existing = existing;
    node.blocked = null;
    this.setType(node, existing.type);
  }

  private setType(node: ColumnNode, type: DataType): void {
    node.existingType = type;
    const shape = columnKindOf(type);
    this.settle(node, shape.kind, shape.precision, shape.scale);
    if (type.kind === "struct") {
      for (const below of type.fields) this.addExistingField(node, below);
    } else if (type.kind === "array") this.setType(this.itemOf(node), type.elementType);
  }

  /** Takes columns over as the table's: a later view has the types that were found before. */
  adoptTypes(fields: readonly StructField[]): void {
    adoptFields(this.root, fields);
  }

  /** Starts a document whose text begins at `start`. */
  begin(text: Uint8Array, start: number): void {
    this.text = text;
    this.textStart = start;
    this.checked = false;
  }

  /** A node for a field met for the first time; it has no type yet. */
  newField(parent: ColumnNode, name: string): ColumnNode {
    const node = new ColumnNode(name, encoder.encode(name), parent);
    node.filter = filterOf(this.filter, node);
    node.fixedType = this.filter.types.get(dottedPath(node)) ?? null;
    const above = dottedPath(parent);
    const column = columnOf(this.renames, above, name);
    if (column !== null) node.columnName = column;
    else if (isTaken(this.renames, above, name)) node.blocked = "clash";
    const topLevel = parent === this.root;
    node.flat = topLevel && this.partitionBy.includes(node.columnName);
    node.blocked = columnNameProblem(node.columnName, topLevel) ?? node.blocked;
    const { mode, below } = maskStep(parent.masks, name);
    node.mask = mode;
    node.masks = below;
    addField(parent, node);
    return node;
  }

  /** The node of a field by name, made if there is none. */
  fieldNamed(parent: ColumnNode, name: string): ColumnNode {
    return parent.kids.find((kid) => kid.name === name) ?? this.newField(parent, name);
  }

  /** The element node of a list; elements are filtered like the list's own fields. */
  itemOf(node: ColumnNode): ColumnNode {
    if (node.item === null) {
      node.item = new ColumnNode("element", new Uint8Array(0), node);
      node.item.filter = node.filter;
      node.item.masks = node.masks;
    }
    return node.item;
  }

  /** True when a sibling's name differs from the node's in case only. */
  clashes(node: ColumnNode): boolean {
    const parent = node.parent;
    if (parent === null || parent.item === node) return false;
    return parent.typedNames?.has(node.columnName.toLowerCase()) ?? false;
  }

  /**
   * Makes a column of a node without a type, and structs and lists of what is above it. False when
   * the table has as many columns as it may.
   */
  become(node: ColumnNode, kind: number, precision: number, scale: number): boolean {
    assert(node.kind === kindUnknown, "only a column without a type gets one");
    if (this.leaves >= this.rules.columnsMax) return false;
    this.ensureChecked();
    this.adopt(node);
    this.settle(node, kind, precision, scale);
    return true;
  }

  /** Room for this many more leaf columns. */
  hasRoomFor(count: number): boolean {
    return this.leaves + count <= this.rules.columnsMax;
  }

  /** Throws `decode` if the document is broken further on: what it taught would be unlearnt. */
  ensureChecked(): void {
    if (this.checked) return;
    checkJson(this.text, this.textStart);
    this.checked = true;
  }

  /** Types the nodes above: a list where the node is an element, else a struct. */
  private adopt(node: ColumnNode): void {
    const parent = node.parent;
    if (parent === null || parent.kind !== kindUnknown) return;
    this.adopt(parent);
    this.settle(parent, parent.item === node ? kindList : kindStruct, 0, 0);
  }

  /** Gives a node its type and its place among its siblings. */
  private settle(node: ColumnNode, kind: number, precision: number, scale: number): void {
    node.kind = kind;
    node.precision = precision;
    node.scale = scale;
    const plain = node.filter === filterAll && node.blocked === null && !node.flat;
    node.special = plain && node.mask === null ? 0 : 1;
    node.capacity = 0;
    node.rows = 0;
    node.grow(1);
    if (kind === kindStruct) node.typedNames = new Set();
    else if (kind !== kindList) this.leaves++;
    const parent = node.parent;
    if (parent === null || parent.item === node) return;
    parent.typedKids.push(node);
    parent.typedNames?.add(node.columnName.toLowerCase());
  }

  /** Fields of the documents' columns, in schema order. */
  fields(): StructField[] {
    return this.root.typedKids.map((node) => structFieldOf(node));
  }
}

/** A column of the table's that no field of a document fills any more. */
function fieldless(parent: ColumnNode, column: string): ColumnNode {
  return new ColumnNode(column, new Uint8Array(0), parent);
}

function adoptFields(parent: ColumnNode, fields: readonly StructField[]): void {
  const byName = new Map(fields.map((one) => [one.name, one]));
  for (const kid of parent.typedKids) {
    const existing = byName.get(kid.columnName);
    if (existing === undefined) continue;
    kid.existing = existing;
    adoptType(kid, existing.type);
  }
}

function adoptType(node: ColumnNode, type: DataType): void {
  node.existingType = type;
  if (type.kind === "struct") adoptFields(node, type.fields);
  else if (type.kind === "array" && node.item !== null) adoptType(node.item, type.elementType);
}

function structFieldOf(node: ColumnNode): StructField {
  const { existing } = node;
  const type = typeOf(node);
  if (existing !== null) return { ...existing, type };
  return { name: node.columnName, type, nullable: true, metadata: {} };
}

function typeOf(node: ColumnNode): DataType {
  if (node.kind === kindStruct) {
    return { kind: "struct", fields: node.typedKids.map((kid) => structFieldOf(kid)) };
  }
  if (node.kind === kindList) {
    assert(node.item !== null && node.item.kind !== kindUnknown, "a list's elements have a type");
    const containsNull = node.existingType?.kind !== "array" || node.existingType.containsNull;
    return { kind: "array", elementType: typeOf(node.item), containsNull };
  }
  return dataTypeOf(node);
}
