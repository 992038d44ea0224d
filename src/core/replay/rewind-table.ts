import type { Engine } from "../../delta/engine.ts";
import type { RemoveFile, SetTransaction } from "../../delta/log/actions.ts";
import { commit } from "../../delta/log/committer.ts";
import { openVersion } from "../../delta/log/snapshot.ts";
import type { TableState } from "../../delta/log/table-state.ts";
import type { TransactionDraft } from "../../delta/log/transaction.ts";
import { restore } from "../../delta/operations/restore.ts";
import { removalOf } from "../../delta/operations/rewrite-file.ts";
import { CdcDeltaError } from "../../errors.ts";
import { parseAppId } from "../position/app-id.ts";
import { rewoundOffset, type Transactions } from "../position/watermark.ts";
import { positionBefore } from "./position-before.ts";
import type { TableReplay } from "./replay-plan.ts";

export type RewindOptions = {
  readonly pipelineId: string;
  /** What was asked for, for the table's history. */
  readonly range: string;
  readonly signal: AbortSignal;
};

/**
 * Takes a table back to the version of a plan, rows and positions of the pipeline in one commit,
 * which is a restore to other readers. It follows the version that the plan was made of, and no
 * other: whoever committed meanwhile, a sink that was started above all, is not overrun.
 *
 * Returns the new version. Errors: `conflict`, `not-found` when vacuum was faster, the store's.
 */
export async function rewindTable(
  engine: Engine,
  replay: TableReplay,
  options: RewindOptions,
): Promise<number> {
  const { signal, pipelineId } = options;
  if (replay.version === null) return await emptyTable(engine, replay, options);
  const newest = await openVersion(engine, { signal });
  if (newest.state.version !== replay.newestVersion) throw overtaken(replay, newest.state.version);
  const at = { kind: "version", version: replay.version } as const;
  const { state } = await openVersion(engine, { at, signal });
  const txns = rewoundTransactions(newest.state, state.transactions, pipelineId);
  const restored = await restore(engine, {
    at,
    txns,
    follows: replay.newestVersion,
    parameters: replayParameter(options),
    signal,
  });
  return restored.version;
}

/** All rows leave; schema and properties stay. */
async function emptyTable(
  engine: Engine,
  replay: TableReplay,
  options: RewindOptions,
): Promise<number> {
  const { signal, pipelineId } = options;
  const { state, files } = await openVersion(engine, { signal });
  if (state.version !== replay.newestVersion) throw overtaken(replay, state.version);
  const nowMs = engine.clock.nowMs();
  const removes: RemoveFile[] = [];
  let bytes = 0;
  for await (const { adds } of files({ signal })) {
    for (const add of adds) {
      removes.push(removalOf(add, nowMs));
      bytes += add.size;
    }
  }
  const draft: TransactionDraft = {
    operation: "RESTORE",
    operationParameters: { version: null, timestamp: null, ...replayParameter(options) },
    operationMetrics: {
      tableSizeAfterRestore: "0",
      numOfFilesAfterRestore: "0",
      numRemovedFiles: String(removes.length),
      numRestoredFiles: "0",
      removedFilesSize: String(bytes),
      restoredFilesSize: "0",
    },
    reads: { kind: "whole-table" },
    dataChange: true,
    removes,
    txns: rewoundTransactions(state, new Map(), pipelineId),
  };
  const outcome = await commit(engine, state, draft, { signal });
  if (outcome.kind === "committed") return outcome.state.version;
  throw overtaken(replay, outcome.winnerVersion);
}

function replayParameter({ range, pipelineId }: RewindOptions): Record<string, string> {
  return { replay: JSON.stringify({ pipeline: pipelineId, from: range }) };
}

/** The pipeline's positions as they were; those that were not there yet say that nothing is. Pure. */
function rewoundTransactions(
  newest: Pick<TableState, "transactions">,
  before: Transactions,
  pipelineId: string,
): SetTransaction[] {
  return [...newest.transactions.values()].flatMap(({ appId, version }): SetTransaction[] => {
    const id = parseAppId(appId);
    if (id === null || id.pipelineId !== pipelineId) return [];
    const adopted = id.kind === "watermark" ? positionBefore(before, id, pipelineId) : null;
    const old = before.get(appId)?.version ?? adopted ?? rewoundOffset;
    return old === version ? [] : [{ appId, version: old }];
  });
}

function overtaken({ uri, newestVersion }: TableReplay, version: number): CdcDeltaError {
  return new CdcDeltaError(
    "conflict",
    `Cannot replay ${uri}: somebody committed version ${version} while it was being replayed, ` +
      `which was planned at version ${newestVersion}: a sink that was started, or another ` +
      "program. Stop it, then try again; the table was not changed",
    { context: { table: uri, version } },
  );
}
