import type { Engine } from "../../delta/engine.ts";
import { loadTableState, type TableState } from "../../delta/log/table-state.ts";
import { assertWritable } from "../../delta/log/table-features.ts";
import { readTableProperties } from "../../delta/log/table-properties.ts";
import { type FileFormat, fileFormatOf, plainFormat } from "../../delta/operations/file-format.ts";
import { schemaToJson } from "../../delta/schema/schema-json.ts";
import type { StructType } from "../../delta/schema/data-type.ts";
import { CdcDeltaError } from "../../errors.ts";
import { alwaysColumns, deadLetterSchema } from "../decode/our-columns.ts";
import {
  deadLetterTable,
  type EncodedTable,
  type TableKey,
  type TableView,
  type TableWatermark,
} from "../encode/encode-job.ts";
import { refuseColumns } from "./refuse-columns.ts";
import { partitionName, type PositionOwner, watermarksOf } from "../position/watermark.ts";

const retentionProperty = "delta.setTransactionRetentionDuration";

/** Where a table lives and what it is created with. */
export type TableHome = {
  readonly uri: string;
  readonly engine: Engine;
  /** `delta.*` properties for a table that has to be created. */
  readonly configuration: Readonly<Record<string, string>>;
};

/** A table that records of this run go to, and what is known of it. */
export type OpenTable = {
  readonly key: TableKey;
  readonly home: TableHome;
  /** The committed state; null: the table does not exist yet. */
  state: TableState | null;
  /**
   * The committed schema plus what records read so far add to it; null until the first job of a new
   * table was taken over. `epoch` grows with every change of it.
   */
  pending: StructType | null;
  epoch: number;
  /** Results of jobs that worked from an older view than this are encoded again. */
  epochMin: number;
  /** The same for single partitions whose position another writer moved. */
  readonly movedEpochs: Map<string, number>;
  mayWiden: boolean;
  partitionBy: readonly string[];
  rows: number;
  files: number;
  bytes: number;
  /** Partitions whose identity was held against the table's positions. */
  readonly vetted: Set<string>;
  /** What the table held when it was opened, and the identities whose record was met again. */
  readonly stateAtOpen: TableState | null;
  readonly proven: Set<string>;
};

/** One text for equal schemas. */
export function schemaText(schema: StructType): string {
  return schemaToJson(schema);
}

/**
 * Loads a table at its first record. Errors: `usage` when it is no table of cdcdelta's, or one that
 * lets positions expire; `unsupported`, naming them, for features and columns that rows of documents
 * cannot honour.
 */
export async function openTable(
  key: TableKey,
  home: TableHome,
  { signal }: { readonly signal: AbortSignal },
): Promise<OpenTable> {
  const state = await loadTableState(home.engine, { signal });
  if (state !== null) {
    assertWritable(state, home.uri);
    refuseOtherTables(key, home.uri, state.schema);
    refuseColumns(key, home.uri, state.schema);
  }
  refuseExpiringPositions(home.uri, state?.metadata.configuration ?? home.configuration);
  return {
    key,
    home,
    state,
    pending: state?.schema ?? null,
    epoch: state === null ? 0 : 1,
    epochMin: state === null ? 0 : 1,
    movedEpochs: new Map(),
    mayWiden: true,
    partitionBy: state?.partitionColumns ?? [],
    rows: 0,
    files: 0,
    bytes: 0,
    vetted: new Set(),
    stateAtOpen: state,
    proven: new Set(),
  };
}

function refuseOtherTables(key: TableKey, uri: string, schema: StructType): void {
  const types = new Map(schema.fields.map((field) => [field.name, field.type.kind]));
  const needed = key === deadLetterTable ? deadLetterSchema.fields : alwaysColumns;
  const lacking = needed.filter((column) => types.get(column.name) !== column.type.kind);
  if (lacking.length === 0) return;
  throw new CdcDeltaError(
    "usage",
    `Cannot write ${key} into ${uri}: the table there was not made by cdcdelta (it has no column ` +
      `"${lacking[0]!.name}" of type ${lacking[0]!.type.kind}). Choose another --table-path`,
    { context: { table: uri } },
  );
}

/**
 * Positions are `txn` actions: once such a table's checkpoint has left them out, the rows of a quiet
 * partition would be taken for new ones.
 */
function refuseExpiringPositions(
  uri: string,
  configuration: Readonly<Record<string, string>>,
): void {
  const retention = configuration[retentionProperty];
  if (
    retention === undefined || readTableProperties(configuration).transactionRetentionMs === null
  ) {
    return;
  }
  throw new CdcDeltaError(
    "usage",
    `Cannot write into ${uri}: its property ${retentionProperty} is "${retention}", after which ` +
      `the positions of a quiet partition are forgotten and its rows would be written twice. ` +
      `Remove the property from the table or the configuration`,
    { context: { table: uri } },
  );
}

/** Starts over from what is committed: everything taken over since is encoded again. */
export function resetTable(table: OpenTable, state: TableState, mayWiden: boolean): void {
  table.state = state;
  table.pending = state.schema;
  table.partitionBy = state.partitionColumns;
  table.mayWiden = mayWiden;
  table.epoch += 1;
  table.epochMin = table.epoch;
}

/** True when rows that a job encoded are what encoding them against the pending schema would give. */
export function isCurrent(table: OpenTable, encoded: EncodedTable): boolean {
  if (encoded.baseEpoch === table.epoch) return true;
  const moved = encoded.positions.some((range) =>
    encoded.baseEpoch < (table.movedEpochs.get(partitionName(range)) ?? 0)
  );
  if (moved) return false;
  return encoded.baseEpoch >= table.epochMin && table.pending !== null &&
    schemaText(encoded.schema) === schemaText(table.pending);
}

/** Makes what a job added to the schema the pending schema. Returns true when it changed. */
export function takeOver(table: OpenTable, encoded: EncodedTable): boolean {
  if (table.pending !== null && schemaText(table.pending) === schemaText(encoded.schema)) {
    return false;
  }
  if (table.pending === null) table.partitionBy = encoded.partitionBy;
  table.pending = encoded.schema;
  table.epoch += 1;
  return true;
}

/** What a job is told of the table; null while nothing is known of it. */
export function viewOf(
  table: OpenTable,
  owner: PositionOwner,
): TableView | null {
  if (table.pending === null) return null;
  return {
    key: table.key,
    epoch: table.epoch,
    schema: table.pending,
    partitionBy: table.partitionBy,
    watermarks: tableWatermarks(table, owner),
    mayWiden: table.mayWiden,
    format: formatOf(table.state),
  };
}

/** How a table wants its files; one that does not exist yet has no wishes. */
export function formatOf(state: TableState | null): FileFormat {
  return state === null ? plainFormat : fileFormatOf(state);
}

/** The committed watermarks of a table for this pipeline. */
export function tableWatermarks(
  table: OpenTable,
  owner: PositionOwner,
): TableWatermark[] {
  return table.state === null ? [] : watermarksOf(table.state.transactions, owner);
}
