import { CdcDeltaError } from "../../errors.ts";
import type { Column, ColumnBatch } from "../columns/column.ts";
import type { DataType, StructType } from "../schema/data-type.ts";
import { nullColumn } from "../columns/gather.ts";
import { variantFields } from "./parquet-schema.ts";

/**
 * A leaf column with its Dremel levels. An entry is one line of levels: a value, a null, or the mark
 * of an empty list.
 */
export type LeveledLeaf = {
  /** `path_in_schema`. */
  readonly path: readonly string[];
  /** False for the parts of a variant, which counts as one column in Delta's statistics. */
  readonly isCounted: boolean;
  readonly type: DataType;
  readonly column: Column;
  readonly maxDefinition: number;
  readonly maxRepetition: number;
  readonly entries: number;
  /** A level an entry; null: every entry is at `maxDefinition`. */
  readonly definition: Uint8Array | null;
  /** A level an entry; null: every entry begins a row. */
  readonly repetition: Uint8Array | null;
  /** How many entries are at `maxDefinition`. */
  readonly present: number;
  /** Rows of `column` that hold the present values; null: they are 0, 1, 2, …. */
  readonly rows: Int32Array | null;
};

/** A column that counts as one in Delta's statistics: a leaf outside of lists, a list or a map. */
export type CountedColumn = {
  readonly path: readonly string[];
  readonly type: DataType;
  readonly nullCount: number;
};

export type LevelSink = {
  leaf(leaf: LeveledLeaf): void;
  /** Lists and maps that are not inside of another one. */
  collection(counted: CountedColumn): void;
};

/** Where the walk stands: the levels of the ancestors and the rows that are alive there. */
type Context = {
  readonly path: readonly string[];
  readonly entries: number;
  readonly definition: Uint8Array | null;
  readonly repetition: Uint8Array | null;
  /** The row of the current column for each entry at `maxDefinition`; null: they are 0, 1, 2, …. */
  readonly rows: Int32Array | null;
  readonly alive: number;
  readonly maxDefinition: number;
  readonly maxRepetition: number;
  readonly isCounted: boolean;
};

/** Visits the leaves of a batch in schema order with their levels; `void` columns are left out. */
export function visitLeaves(batch: ColumnBatch, schema: StructType, sink: LevelSink): void {
  if (batch.columns.length !== schema.fields.length) {
    throw new CdcDeltaError(
      "internal",
      `A batch of ${batch.columns.length} columns does not fit a schema of ` +
        `${schema.fields.length} fields`,
    );
  }
  const root: Context = {
    path: [],
    entries: batch.length,
    definition: null,
    repetition: null,
    rows: null,
    alive: batch.length,
    maxDefinition: 0,
    maxRepetition: 0,
    isCounted: true,
  };
  visitFields(root, schema, batch.columns, sink);
}

function visitFields(
  context: Context,
  type: StructType,
  columns: readonly Column[],
  sink: LevelSink,
): void {
  type.fields.forEach((field, i) => {
    if (field.type.kind === "void") return;
    const below = { ...context, path: [...context.path, field.name] };
    visit(optional(below, columns[i]!, field.nullable), field.type, columns[i]!, sink);
  });
}

function visit(context: Context, type: DataType, column: Column, sink: LevelSink): void {
  switch (type.kind) {
    case "struct": {
      const children = column.kind === "null" || column.kind === "struct"
        ? childrenOf(column, type)
        : misfit(context, type, column);
      return visitFields(context, type, children, sink);
    }
    case "array": {
      const list = column.kind === "null"
        ? null
        : column.kind === "list"
        ? column
        : misfit(context, type, column);
      if (context.maxRepetition === 0) sink.collection(counted(context, type));
      const inner = elements(context, list === null ? null : list.offsets);
      const element = list === null ? nullColumn(0) : list.element;
      const below = { ...inner, path: [...context.path, "list", "element"] };
      return visit(optional(below, element, true), type.elementType, element, sink);
    }
    case "map": {
      const map = column.kind === "null"
        ? null
        : column.kind === "map"
        ? column
        : misfit(context, type, column);
      if (context.maxRepetition === 0) sink.collection(counted(context, type));
      const inner = elements(context, map === null ? null : map.offsets);
      const key = map === null ? nullColumn(0) : map.key;
      const value = map === null ? nullColumn(0) : map.value;
      const keyed = { ...inner, path: [...context.path, "key_value", "key"] };
      visit(required(keyed, key), type.keyType, key, sink);
      const valued = { ...inner, path: [...context.path, "key_value", "value"] };
      return visit(optional(valued, value, true), type.valueType, value, sink);
    }
    case "variant":
      return visitVariant(context, type, column, sink);
    default:
      sink.leaf({
        path: context.path,
        isCounted: context.maxRepetition === 0 && context.isCounted,
        type,
        column,
        maxDefinition: context.maxDefinition,
        maxRepetition: context.maxRepetition,
        entries: context.entries,
        definition: context.definition,
        repetition: context.repetition,
        present: context.alive,
        rows: context.rows,
      });
  }
}

/** A variant is written from what it was stored as; JSON text would have lost its types. */
function visitVariant(context: Context, type: DataType, column: Column, sink: LevelSink): void {
  const parts = column.kind === "struct"
    ? column.children
    : column.kind === "null"
    ? variantFields.map(() => nullColumn(column.length))
    : misfit(context, type, column);
  if (context.maxRepetition === 0) sink.collection(counted(context, type));
  variantFields.forEach((part, i) => {
    const path = [...context.path, part.name];
    const below = required({ ...context, path, isCounted: false }, parts[i]!);
    visit(below, part.type, parts[i]!, sink);
  });
}

function childrenOf(column: Column, type: StructType): readonly Column[] {
  if (column.kind === "struct") return column.children;
  return type.fields.map(() => nullColumn(column.length));
}

function counted(context: Context, type: DataType): CountedColumn {
  return { path: context.path, type, nullCount: context.entries - context.alive };
}

/** One definition level deeper: rows where the column is null drop out. */
function optional(context: Context, column: Column, nullable: boolean): Context {
  const { entries, rows, alive, definition } = context;
  const deep = context.maxDefinition;
  const maxDefinition = deep + 1;
  const { valid } = column;
  if (rows === null && column.kind !== "null") {
    // The search is a native scan, far faster than a loop.
    if (valid.subarray(0, alive).indexOf(0) === -1) {
      return { ...context, maxDefinition, definition: raised(definition, deep) };
    }
  }
  const levels = new Uint8Array(entries);
  const keptRows = new Int32Array(alive);
  let kept = 0;
  let next = 0;
  for (let entry = 0; entry < entries; entry++) {
    const level = definition === null ? deep : definition[entry]!;
    if (level !== deep) {
      levels[entry] = level;
      continue;
    }
    const row = rows === null ? next : rows[next]!;
    next++;
    const present = valid[row]!;
    levels[entry] = deep + present;
    keptRows[kept] = row;
    kept += present;
  }
  if (!nullable && kept < alive) throw nullInRequired(context);
  return {
    ...context,
    maxDefinition,
    definition: kept === entries ? null : levels,
    rows: orIdentity(keptRows, kept),
    alive: kept,
  };
}

/** Levels when nothing drops out: entries that stood at the bottom go one deeper. */
function raised(definition: Uint8Array | null, deep: number): Uint8Array | null {
  if (definition === null) return null;
  const levels = new Uint8Array(definition.length);
  for (let i = 0; i < levels.length; i++) {
    const level = definition[i]!;
    levels[i] = level === deep ? level + 1 : level;
  }
  return levels;
}

/** Row numbers grow, so the last one tells whether they are 0, 1, 2 and so on. */
function orIdentity(rows: Int32Array, count: number): Int32Array | null {
  return count === 0 || rows[count - 1] === count - 1 ? null : rows.subarray(0, count);
}

/** Map keys have no level of their own, so a null one cannot be written. */
function required(context: Context, column: Column): Context {
  const { rows, alive } = context;
  for (let i = 0; i < alive; i++) {
    if (column.valid[rows === null ? i : rows[i]!] !== 1) throw nullInRequired(context);
  }
  return context;
}

/** From lists to their elements: one more repetition and definition level, an entry an element. */
function elements(context: Context, offsets: Int32Array | null): Context {
  const { entries, definition, repetition, maxDefinition, maxRepetition, rows } = context;
  let size = entries;
  let items = 0;
  for (let next = 0; next < context.alive; next++) {
    const row = rows === null ? next : rows[next]!;
    const count = offsets === null ? 0 : offsets[row + 1]! - offsets[row]!;
    items += count;
    if (count > 1) size += count - 1;
  }
  const innerDefinition = new Uint8Array(size);
  const innerRepetition = new Uint8Array(size);
  const innerRows = new Int32Array(items);
  let at = 0;
  let item = 0;
  let next = 0;
  for (let entry = 0; entry < entries; entry++) {
    const level = definition === null ? maxDefinition : definition[entry]!;
    innerRepetition[at] = repetition === null ? 0 : repetition[entry]!;
    if (level !== maxDefinition) {
      innerDefinition[at++] = level;
      continue;
    }
    const row = rows === null ? next : rows[next]!;
    next++;
    const start = offsets === null ? 0 : offsets[row]!;
    const end = offsets === null ? 0 : offsets[row + 1]!;
    if (start === end) {
      innerDefinition[at++] = maxDefinition;
      continue;
    }
    for (let i = start; i < end; i++) {
      innerDefinition[at] = maxDefinition + 1;
      if (i > start) innerRepetition[at] = maxRepetition + 1;
      innerRows[item++] = i;
      at++;
    }
  }
  return {
    ...context,
    entries: size,
    definition: items === size ? null : innerDefinition,
    repetition: innerRepetition,
    rows: orIdentity(innerRows, items),
    alive: items,
    maxDefinition: maxDefinition + 1,
    maxRepetition: maxRepetition + 1,
  };
}

function misfit(context: Context, type: DataType, column: Column): never {
  throw new CdcDeltaError(
    "internal",
    `Column '${context.path.join(".")}' of type ${type.kind} was given as a ${column.kind} column`,
  );
}

function nullInRequired(context: Context): CdcDeltaError {
  return new CdcDeltaError(
    "parquet",
    `Cannot write a null to column '${context.path.join(".")}', which does not take nulls. ` +
      `Give every row a value or make the column nullable`,
  );
}
