import { restartForgottenMs, restartsMax } from "../../limits.ts";
import { CdcDeltaError } from "../../errors.ts";
import type { PumpEvent, PumpObserver, PumpSummary, TableSummary } from "./pump-events.ts";
import { runSession } from "./run-session.ts";
import type { PumpSettings, PumpSignals, PumpWorld } from "./session.ts";
import type { OpenTable } from "./open-table.ts";

/**
 * Moves records from the source into Delta tables until the input ends or `stop` is raised. Every
 * record's row is committed exactly once together with its position; see `docs/INVARIANTS.md`.
 *
 * Errors: whatever ends a run; held records are dropped uncommitted then, and the next run reads
 * them again.
 */
export async function runPump(
  world: PumpWorld,
  settings: PumpSettings,
  observer: PumpObserver,
  signals: PumpSignals,
): Promise<PumpSummary> {
  const totals = createTotals();
  const observe = (event: PumpEvent): void => {
    totals.add(event);
    observer(event);
  };
  let restarts = 0;
  for (;;) {
    const startedMs = world.clock.nowMs();
    const { stale, lanesLost, tables } = await runSession(world, settings, observe, signals);
    totals.addTables(tables);
    if (stale === null) return totals.summary();
    observe({ kind: "restarted", table: stale.table, why: stale.why });
    // One that lost lanes to its group is stale by rights; one that lived long had no rival.
    const innocent = lanesLost || world.clock.nowMs() - startedMs >= restartForgottenMs;
    restarts = innocent ? 0 : restarts + 1;
    if (restarts <= restartsMax) continue;
    throw new CdcDeltaError(
      "conflict",
      `Cannot write ${stale.table}: another cdcdelta keeps writing the same records into it ` +
        `(${stale.why}). Stop it, or give this one its own consumer group and base path`,
      { context: { table: stale.table } },
    );
  }
}

type Totals = {
  add(event: PumpEvent): void;
  addTables(tables: readonly OpenTable[]): void;
  summary(): PumpSummary;
};

function createTotals(): Totals {
  const sum = { records: 0, bytes: 0, tombstones: 0, rowless: 0 };
  const counts = { rows: 0, droppedRows: 0, deadLetters: 0, flushes: 0, commits: 0 };
  const tables = new Map<string, TableSummary>();
  return {
    add(event) {
      if (event.kind === "committed") counts.commits += 1;
      if (event.kind !== "flushed") return;
      counts.flushes += 1;
      counts.rows += event.rows;
      counts.droppedRows += event.droppedRows;
      counts.deadLetters += event.deadLetters;
      sum.records += event.counts.records;
      sum.bytes += event.counts.bytes;
      sum.tombstones += event.counts.tombstones;
      sum.rowless += event.counts.rowless;
    },
    addTables(opened) {
      for (const table of opened) {
        const before = tables.get(table.key);
        if (table.pending === null) continue;
        tables.set(table.key, {
          table: table.key,
          uri: table.home.uri,
          version: table.state?.version ?? null,
          rows: (before?.rows ?? 0) + table.rows,
          files: (before?.files ?? 0) + table.files,
          bytes: (before?.bytes ?? 0) + table.bytes,
          schemaBefore: before === undefined
            ? (table.stateAtOpen?.schema ?? null)
            : before.schemaBefore,
          schemaAfter: table.pending,
        });
      }
    },
    summary: () => ({ ...sum, ...counts, tables: [...tables.values()] }),
  };
}
