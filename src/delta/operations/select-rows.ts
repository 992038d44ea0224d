import type { Value } from "../columns/column-builder.ts";
import type { Column, ColumnBatch } from "../columns/column.ts";
import { gatherRows } from "../columns/gather.ts";
import type { Engine } from "../engine.ts";
import type { AddFile } from "../log/actions.ts";
import {
  type ColumnPath,
  prunedSchema,
  requireColumn,
  type ResolvedPath,
} from "../schema/column-path.ts";
import { struct, type StructField, type StructType } from "../schema/data-type.ts";
import { CdcDeltaError } from "../../errors.ts";
import { mayMeet } from "./file-skipping.ts";
import type { RowCondition } from "./row-condition.ts";
import { columnAt, filterColumns, type RowFilter, rowFilter, rowsMeeting } from "./row-filter.ts";
import { rowGroupBounds } from "./row-group-bounds.ts";
import { scanFile, type ScannedTable, type ScanOptions } from "./scan.ts";
import { constantBounds, fileBounds } from "./value-bounds.ts";

/** Which rows and which of their columns are wanted. */
export type RowSelection = {
  /** Columns or fields of structs, in this order; null takes all columns. */
  readonly columns: readonly ColumnPath[] | null;
  readonly where: RowCondition | null;
};

/** How much of a table was read for a selection. */
export type SelectionCounts = {
  files: number;
  filesRead: number;
  rowGroups: number;
  rowGroupsRead: number;
};

/** A selection as it applies to a schema. */
export type BoundSelection = {
  /** What has to be read. */
  readonly read: StructType;
  /** What comes out: a field of a struct is a column of its own, named as it was written. */
  readonly schema: StructType;
  readonly filter: RowFilter | null;
  /** Rows as they were read to rows as they are wanted; null when none is. */
  readonly select: (batch: ColumnBatch) => ColumnBatch | null;
};

/** Finds a selection's columns. Errors: `usage` for columns that are not there, or named twice. */
export function bindSelection(
  { columns, where }: RowSelection,
  schema: StructType,
  uri: string,
): BoundSelection {
  const filter = where === null ? null : rowFilter(where, schema, uri);
  const outputs = columns?.map((path) => requireColumn(schema, path, uri)) ?? null;
  const read = outputs === null
    ? schema
    : prunedSchema(schema, [...outputs, ...filter === null ? [] : filterColumns(filter)]);
  return {
    read,
    schema: outputs === null ? schema : outputSchema(outputs, uri),
    filter,
    select(batch) {
      const rows = filter === null ? null : rowsMeeting(filter, batch, read);
      if (batch.length === 0 || rows?.length === 0) return null;
      const projected = outputs === null ? batch : projectedBatch(outputs, batch, read);
      return rows === null ? projected : gatherRows(projected, rows);
    },
  };
}

function outputSchema(outputs: readonly ResolvedPath[], uri: string): StructType {
  const names = new Set<string>();
  return struct(outputs.map((output): StructField => {
    const name = outputName(output);
    if (names.has(name)) {
      throw new CdcDeltaError("usage", `Column "${name}" of ${uri} is asked for twice`);
    }
    names.add(name);
    const nullable = output.fields.some((field) => field.nullable);
    return { name, type: output.type, nullable, metadata: {} };
  }));
}

function outputName({ fields }: ResolvedPath): string {
  return fields.map((field) => field.name).join(".");
}

function projectedBatch(
  outputs: readonly ResolvedPath[],
  batch: ColumnBatch,
  read: StructType,
): ColumnBatch {
  const columns = outputs.map((output): Column => columnAt(output, batch, read));
  return { length: batch.length, columns };
}

/**
 * The wanted rows of some files, batch by batch; files and row groups that cannot hold any are not
 * read. `counts` is kept up to date meanwhile. Errors: as `scanFile`.
 */
export async function* selectRows(
  engine: Engine,
  table: Pick<ScannedTable, "partitionColumns" | "columnMapping">,
  files: AsyncIterable<AddFile> | Iterable<AddFile>,
  options: {
    readonly selection: BoundSelection;
    readonly counts: SelectionCounts;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<ColumnBatch> {
  const { selection: { read, filter, select }, counts, signal } = options;
  const { partitionColumns, columnMapping } = table;
  for await (const add of files) {
    signal.throwIfAborted();
    counts.files += 1;
    if (filter !== null && !mayMeet(filter, fileBounds(add, table))) continue;
    counts.filesRead += 1;
    const batches = scanFile(engine, { schema: read, partitionColumns, columnMapping }, add, {
      signal,
      wantsRowGroup: rowGroupChoice(filter, table, { add, counts }),
    });
    for await (const batch of batches) {
      const selected = select(batch);
      if (selected !== null) yield selected;
    }
  }
}

/**
 * Leaves out the row groups that cannot hold wanted rows. `constants` are columns that have one value
 * in all of them and do not lie in the file.
 */
export function rowGroupChoice(
  filter: RowFilter | null,
  table: Pick<ScannedTable, "partitionColumns" | "columnMapping">,
  { add, counts, constants = new Map() }: {
    readonly add: Pick<AddFile, "partitionValues">;
    readonly counts: SelectionCounts;
    readonly constants?: ReadonlyMap<string, Value>;
  },
): NonNullable<ScanOptions["wantsRowGroup"]> {
  const inLog = fileBounds({ partitionValues: add.partitionValues }, table);
  return (file, index) => {
    counts.rowGroups += 1;
    if (filter !== null) {
      const inFooter = rowGroupBounds(file, index, table.columnMapping);
      const wanted = mayMeet(filter, (column) => {
        const name = column.fields[0]?.name ?? "";
        const constant = constants.get(name);
        if (constant !== undefined) return constantBounds(constant);
        return table.partitionColumns.includes(name) ? inLog(column) : inFooter(column);
      });
      if (!wanted) return false;
    }
    counts.rowGroupsRead += 1;
    return true;
  };
}
