import type { AddFile, SetTransaction } from "../../delta/log/actions.ts";
import { commit } from "../../delta/log/committer.ts";
import { refreshTableState, type TableState } from "../../delta/log/table-state.ts";
import type { TransactionDraft } from "../../delta/log/transaction.ts";
import { writeDataFile } from "../../delta/operations/append.ts";
import { newTableActions } from "../../delta/operations/create-table.ts";
import { growSchema, metadataWithSchema } from "../../delta/operations/grow-schema.ts";
import { widenTable } from "../../delta/operations/widen-table.ts";
import { mergeStatistics } from "../../delta/parquet/statistics.ts";
import { findTypeChanges } from "../../delta/schema/merge-schema.ts";
import { physicalValues } from "../../delta/schema/column-mapping.ts";
import type { StructType } from "../../delta/schema/data-type.ts";
import type { EncodedPart, EncodedTable } from "../encode/encode-job.ts";
import { appIdsOf, mergePositions, watermarkTransactions } from "../position/watermark.ts";
import { adoptState } from "./adopt-state.ts";
import { formatOf, type OpenTable, schemaText } from "./open-table.ts";
import type { FlushContext } from "./session.ts";

/** How the attempt to commit a flush's rows into one table ended. */
export type TableCommitOutcome =
  | {
    readonly kind: "committed";
    readonly state: TableState;
    readonly files: number;
    readonly bytes: number;
    readonly attempts: number;
    /** Why what is held behind this flush is stale all the same; null: it is not. */
    readonly stale: string | null;
  }
  /** Another writer changed schema or protocol: encode again against `state`. */
  | {
    readonly kind: "reset";
    readonly state: TableState;
    readonly mayWiden: boolean;
    readonly why: string;
  }
  /** Another writer moved our positions: what is held is committed already, or no longer ours. */
  | { readonly kind: "stale"; readonly why: string };

/** Writes the rows of one table and commits them with their positions: one version, or none. */
export async function commitTable(
  context: FlushContext,
  table: OpenTable,
  schema: StructType,
  encoded: readonly EncodedTable[],
): Promise<TableCommitOutcome> {
  const { session } = context;
  const probed = await probe(context, table);
  if (probed !== null) return probed;
  const widened = await widen(context, table, schema);
  if (widened !== null) return widened;
  const { uuid } = table.home.engine.random;
  // A schema that records made knows nothing of ids and physical names.
  const grown = table.state === null ? schema : growSchema(table.state, schema, uuid);
  const adds = await writeFiles(context, table, grown, encoded);
  const nowMs = session.world.clock.nowMs();
  const positions = mergePositions(encoded.map((part) => part.positions));
  const txns = watermarkTransactions(session.settings.pipelineId, positions, nowMs);
  const readAppIds = table.state === null
    ? []
    : appIdsOf(table.state.transactions, positions, session.settings);
  const rows = encoded.reduce((sum, part) => sum + part.rows, 0);
  const draft = appendDraft(context, table, grown, { adds, rows, txns, readAppIds, nowMs });
  const outcome = await commit(table.home.engine, table.state, draft, {
    signal: session.signal,
    onEvent(event) {
      if (event.kind !== "in-doubt") return;
      const { version, error: why } = event;
      session.observe({ kind: "commit-in-doubt", table: table.key, version, why });
    },
  });
  switch (outcome.kind) {
    case "committed":
      return {
        kind: "committed",
        state: outcome.state,
        files: adds.length,
        bytes: adds.reduce((sum, add) => sum + add.size, 0),
        attempts: outcome.attempts,
        stale: adoptState(session, table, outcome.state, positions),
      };
    case "conflicted": {
      const why = `version ${outcome.winnerVersion}: ${outcome.reason}`;
      session.observe({
        kind: "conflict",
        table: table.key,
        reason: outcome.reason,
        winnerVersion: outcome.winnerVersion,
      });
      const stale = adoptState(session, table, outcome.state, []);
      if (outcome.reason === "txn") return { kind: "stale", why };
      if (stale !== null) return { kind: "stale", why: stale };
      return { kind: "reset", state: outcome.state, mayWiden: table.mayWiden, why };
    }
  }
}

/** Looks for foreign versions when the state is old although nothing failed. */
async function probe(
  context: FlushContext,
  table: OpenTable,
): Promise<TableCommitOutcome | null> {
  const { session } = context;
  const before = table.state;
  if (before === null) return null;
  const ageMs = session.world.clock.nowMs() - before.loadedMs;
  if (ageMs < session.settings.stateAgeMsMax) return null;
  const state = await refreshTableState(table.home.engine, before, { signal: session.signal });
  const stale = adoptState(session, table, state, []);
  if (stale !== null) return { kind: "stale", why: stale };
  const same = schemaText(state.schema) === schemaText(before.schema) &&
    state.partitionColumns.join("\0") === before.partitionColumns.join("\0") &&
    JSON.stringify(formatOf(state)) === JSON.stringify(formatOf(before));
  if (same) return null;
  const why = `schema or file format changed up to version ${state.version}`;
  return { kind: "reset", state, mayWiden: table.mayWiden, why };
}

/** Widens committed columns in a commit of their own; null when there is nothing to widen. */
async function widen(
  context: FlushContext,
  table: OpenTable,
  schema: StructType,
): Promise<TableCommitOutcome | null> {
  const { session } = context;
  if (table.state === null) return null;
  const changes = findTypeChanges(table.state.schema, schema);
  if (changes.length === 0) return null;
  const outcome = await widenTable(table.home.engine, table.state, schema, {
    strategy: session.settings.widen,
    bytesMax: session.settings.widenBytesMax,
    signal: session.signal,
  });
  const stale = adoptState(session, table, outcome.state, []);
  if (stale !== null) return { kind: "stale", why: stale };
  if (outcome.kind === "refused") {
    session.observe({ kind: "widening-refused", table: table.key, why: outcome.why });
    return { kind: "reset", state: outcome.state, mayWiden: false, why: outcome.why };
  }
  session.observe({
    kind: "widened",
    table: table.key,
    columns: changes.map(({ path, from, to }) => ({ path, from, to })),
  });
  if (schemaText(outcome.state.schema) === schemaText(schema)) return null;
  // The table has what our schema lacks: another writer's columns, or the record of the change
  // (PROTOCOL.md, "Type Change Metadata"). A commit of our schema would take that away.
  const why = `columns were widened in version ${outcome.state.version}`;
  return { kind: "reset", state: outcome.state, mayWiden: table.mayWiden, why };
}

/** One data file for each partition that has rows. */
async function writeFiles(
  context: FlushContext,
  table: OpenTable,
  schema: StructType,
  encoded: readonly EncodedTable[],
): Promise<AddFile[]> {
  const format = formatOf(table.state);
  const adds: AddFile[] = [];
  for (const parts of groupParts(encoded).values()) {
    const file = {
      schema,
      format,
      partitionValues: physicalValues(parts[0]!.partitionValues, schema, format.columnMapping),
      rowGroups: parts.map((part) => part.rowGroup),
      statistics: mergeStatistics(parts.map((part) => part.statistics)),
    };
    adds.push(await writeDataFile(table.home.engine, file, { signal: context.session.signal }));
  }
  return adds;
}

/** Parts by partition values, in the order of their rows. */
export function groupParts(encoded: readonly EncodedTable[]): Map<string, EncodedPart[]> {
  const groups = new Map<string, EncodedPart[]>();
  for (const part of encoded.flatMap((table) => table.parts)) {
    const name = JSON.stringify(part.partitionValues);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [part]);
    else group.push(part);
  }
  return groups;
}

type DraftParts = {
  readonly adds: readonly AddFile[];
  readonly rows: number;
  readonly txns: readonly SetTransaction[];
  /** Other names that the same positions have in the table. */
  readonly readAppIds: readonly string[];
  readonly nowMs: number;
};

function appendDraft(
  context: FlushContext,
  table: OpenTable,
  schema: StructType,
  { adds, rows, txns, readAppIds, nowMs }: DraftParts,
): TransactionDraft {
  const append: TransactionDraft = {
    adds,
    txns,
    readAppIds,
    reads: { kind: "blind-append" },
    dataChange: true,
    operation: "STREAMING UPDATE",
    operationParameters: {
      outputMode: "Append",
      queryId: context.session.settings.pipelineId,
      epochId: String(context.flush.id),
    },
    operationMetrics: {
      numAddedFiles: String(adds.length),
      numRemovedFiles: "0",
      numOutputRows: String(rows),
      numOutputBytes: String(adds.reduce((sum, add) => sum + add.size, 0)),
    },
  };
  if (table.state === null) {
    const created = newTableActions({
      schema,
      partitionColumns: table.partitionBy,
      configuration: table.home.configuration,
      id: table.home.engine.random.uuid(),
      createdTime: nowMs,
    });
    return { ...append, ...created };
  }
  if (schemaText(schema) === schemaText(table.state.schema)) return append;
  return { ...append, metadata: metadataWithSchema(table.state, schema) };
}
