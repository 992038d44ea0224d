import { maintainTable } from "../../delta/log/maintenance.ts";
import { flushAttemptsMax, tableCommitsParallelMax } from "../../limits.ts";
import { assert, CdcDeltaError } from "../../errors.ts";
import { forEachParallel } from "../../parallel.ts";
import type { StructType } from "../../delta/schema/data-type.ts";
import {
  deadLetterTable,
  type EncodedTable,
  type EncodeResult,
  type TableKey,
} from "../encode/encode-job.ts";
import { commitTable, groupParts } from "./commit-table.ts";
import { emptyPartitionColumns } from "./empty-partition-columns.ts";
import { alignJobs, freezeSchemas, mergeJob, tableKeys } from "./merge-job.ts";
import { type OpenTable, resetTable } from "./open-table.ts";
import { sumRescued } from "./rescued-counts.ts";
import type { FlushContext, FrozenSchemas, StalePositions } from "./session.ts";

/** How a flush ended, and what its jobs gave, for counting. */
export type FlushOutcome = {
  readonly stale: StalePositions | null;
  readonly results: readonly EncodeResult[];
};

/** What a flush commits to one table: rows that are encoded against exactly this schema. */
type TableRows = { readonly schema: StructType; readonly encoded: readonly EncodedTable[] };

/**
 * Commits a flush: one version for each table that has rows in it. Tables are independent; one that
 * fails leaves the others as they are, and its positions keep the next run right.
 *
 * Dead letters alone come first: an event whose document is broken is met by its collection's table
 * first, and a watermark of that table above it would hide it when it is read again.
 *
 * `stale` tells that another writer moved our positions in one of them.
 */
export async function commitFlush(
  context: FlushContext,
  frozen: FrozenSchemas,
): Promise<FlushOutcome> {
  const { session, flush } = context;
  await alignJobs(session, flush.jobs, frozen);
  // Taken now: a table that has to be encoded again replaces the results of whole jobs.
  const results = flush.jobs.map((job) => job.merged!);
  const rows = new Map(
    tableKeys(flush.jobs).map((key): [TableKey, TableRows] => [
      key,
      { schema: frozen.get(key)!, encoded: encodedFor(context, key) },
    ]),
  );
  const found: StalePositions[] = [];
  const commitOne = async ([key, ofTable]: [TableKey, TableRows]): Promise<void> => {
    const stale = await commitRows(context, session.tables.get(key)!, frozen, ofTable);
    if (stale !== null) found.push(stale);
  };
  const letters = rows.get(deadLetterTable);
  if (letters !== undefined) await commitOne([deadLetterTable, letters]);
  rows.delete(deadLetterTable);
  if (found.length === 0) await forEachParallel([...rows], tableCommitsParallelMax, commitOne);
  return { stale: found[0] ?? null, results };
}

async function commitRows(
  context: FlushContext,
  table: OpenTable,
  frozen: FrozenSchemas,
  first: TableRows,
): Promise<StalePositions | null> {
  const { session, flush } = context;
  const startedMs = session.world.clock.nowMs();
  let { schema, encoded } = first;
  for (let attempt = 1; attempt <= flushAttemptsMax; attempt++) {
    if (session.settings.plan) {
      countPlanned(table, encoded);
      return null;
    }
    const outcome = await commitTable(context, table, schema, encoded);
    switch (outcome.kind) {
      case "committed": {
        const rows = sumRows(encoded);
        table.rows += rows;
        table.files += outcome.files;
        table.bytes += outcome.bytes;
        observeCommit(context, table, encoded, { ...outcome, rows, startedMs });
        await maintain(context, table);
        return outcome.stale === null
          ? null
          : { kind: "stale", table: table.key, why: outcome.stale };
      }
      case "stale":
        return { kind: "stale", table: table.key, why: outcome.why };
      case "reset": {
        const { state, mayWiden } = outcome;
        ({ schema, encoded } = await session.lock.run(async () => {
          resetTable(table, state, mayWiden);
          return await takeOverAgain(context, table, frozen);
        }));
        assert(
          sumRows(encoded) === sumRows(first.encoded),
          "rows stay the same when encoded again",
        );
        break;
      }
    }
  }
  throw new CdcDeltaError(
    "conflict",
    `Cannot commit ${flush.records} records to ${table.home.uri}: other writers changed its schema ` +
      `${flushAttemptsMax} times in a row. Stop them, then run again; nothing was lost`,
    { context: { table: table.home.uri }, retryable: true },
  );
}

/**
 * After a reset: encodes the flush's jobs against the table as it is now, freezes its schema, then
 * takes over those read later, in order. Called under the session's lock.
 */
async function takeOverAgain(
  context: FlushContext,
  table: OpenTable,
  frozen: FrozenSchemas,
): Promise<TableRows> {
  const { session, flush } = context;
  const concerns = (key: TableKey) => (job: (typeof flush.jobs)[number]) =>
    job.merged !== null && job.merged.tables.some((encoded) => encoded.key === key);
  const ours = flush.jobs.filter(concerns(table.key));
  for (const job of ours) await mergeJob(session, job);
  const schema = table.pending!;
  await alignJobs(session, ours, new Map([...frozen, [table.key, schema]]));
  const encoded = encodedFor(context, table.key);
  for (const job of context.laterJobs().filter(concerns(table.key))) await mergeJob(session, job);
  return { schema, encoded };
}

/** A flush's rows for one table, in the order they were read. */
function encodedFor(context: FlushContext, key: TableKey): EncodedTable[] {
  return context.flush.jobs.flatMap((job) =>
    job.merged!.tables.filter((encoded) => encoded.key === key && encoded.rows > 0)
  );
}

function sumRows(encoded: readonly EncodedTable[]): number {
  return encoded.reduce((sum, table) => sum + table.rows, 0);
}

function countPlanned(table: OpenTable, encoded: readonly EncodedTable[]): void {
  table.rows += sumRows(encoded);
  table.files += groupParts(encoded).size;
  for (const part of encoded.flatMap((one) => one.parts)) table.bytes += part.rowGroup.bytes.length;
}

type CommitFacts = {
  readonly state: { readonly version: number };
  readonly files: number;
  readonly bytes: number;
  readonly attempts: number;
  readonly rows: number;
  readonly startedMs: number;
};

function observeCommit(
  context: FlushContext,
  table: OpenTable,
  encoded: readonly EncodedTable[],
  facts: CommitFacts,
): void {
  const { session, reason } = context;
  const newest = encoded.map((one) => one.newestSourceMs).filter((ms) => ms !== null);
  session.observe({
    kind: "committed",
    table: table.key,
    version: facts.state.version,
    rows: facts.rows,
    files: facts.files,
    bytes: facts.bytes,
    latencyMs: session.world.clock.nowMs() - facts.startedMs,
    reason,
    attempts: facts.attempts,
    newestSourceMs: newest.length === 0 ? null : Math.max(...newest),
    traceparent: encoded.findLast((one) => one.traceparent !== null)?.traceparent ?? null,
  });
  const rescued = sumRescued(encoded);
  if (rescued.length > 0) {
    session.observe({ kind: "rescued", table: table.key, columns: rescued });
  }
  // The commit that created the table: its partition columns stay for good.
  const columns = facts.state.version === 0
    ? emptyPartitionColumns(encoded, table.partitionBy)
    : [];
  if (columns.length > 0) {
    session.observe({ kind: "partition-columns-empty", table: table.key, columns });
  }
  if (table.key === deadLetterTable) {
    session.observe({ kind: "dead-letters", count: facts.rows, location: table.home.uri });
  }
}

/** Checkpoint and log clean-up; a failure is told and repaired later, the commit stands. */
async function maintain(context: FlushContext, table: OpenTable): Promise<void> {
  const { session } = context;
  const outcome = await maintainTable(table.home.engine, table.state!, { signal: session.signal });
  if (outcome.kind === "failed") {
    const why = outcome.why;
    session.observe({ kind: "maintenance-failed", table: table.key, why });
  }
  if (outcome.kind === "checkpointed") {
    const version = outcome.version;
    session.observe({ kind: "checkpoint", table: table.key, version });
  }
}

/** The schemas to commit a flush with, once all its jobs are taken over. */
export function freezeAfterMerge(context: FlushContext): Promise<FrozenSchemas> {
  const { session } = context;
  return session.lock.run(() => Promise.resolve(freezeSchemas(session)));
}
