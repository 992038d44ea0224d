import { type HistoryEntry, loadHistory } from "../../delta/log/history.ts";
import { loadSnapshot, type Snapshot, type SnapshotAt } from "../../delta/log/snapshot.ts";
import { requireTableState } from "../../delta/log/table-state.ts";
import type { Engine } from "../../delta/engine.ts";
import type { inspectOptions, OptionValues } from "../command-options.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { ddlText } from "../inspect/ddl.ts";
import { filesText } from "../inspect/files-view.ts";
import { healthFacts } from "../inspect/health-facts.ts";
import { healthFindings } from "../inspect/health-findings.ts";
import { healthText } from "../inspect/health-text.ts";
import { historyRows, historyText } from "../inspect/history-view.ts";
import type { ListFormat } from "../inspect/list-output.ts";
import { overviewText } from "../inspect/overview-text.ts";
import { writeRows } from "../inspect/rows-view.ts";
import { tableFacts } from "../inspect/table-facts.ts";
import { jsonText } from "../output/json-text.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import { wireTable } from "../wire.ts";
import type { CliWorld } from "../world.ts";

export type InspectOptions = OptionValues<typeof inspectOptions>;

/** Commits shown at a glance. */
const lastCommitsMax = 5;

/** `cdcdelta inspect`. Errors: `not-found`, `unsupported`, `log-corrupt`, the store's. */
export async function inspectCommand(
  world: CliWorld,
  { values }: ResolvedSettings,
  table: string,
  options: InspectOptions,
): Promise<ExitCode> {
  const { engine, close } = wireTable(values, table);
  // When nobody reads the result any more, reading the table has lost its purpose as well.
  const signal = world.stdout.closed;
  try {
    await show(world, engine, options, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    close();
  }
  return exitCodes.done;
}

async function show(
  world: CliWorld,
  engine: Engine,
  options: InspectOptions,
  signal: AbortSignal,
): Promise<void> {
  if (options.history) {
    await world.stdout.write(await history(engine, options, signal));
    return;
  }
  const at = snapshotAt(options);
  const snapshot = await loadSnapshot(engine, at === null ? { signal } : { at, signal });
  if (options.health) {
    await world.stdout.write(await health(engine, snapshot, options.format, signal));
  } else if (options.ddl !== null) {
    await world.stdout.write(ddlText(options.ddl, engine.store.uri, snapshot.schema));
  } else if (options.files) {
    await world.stdout.write(filesText(snapshot.files, options));
  } else if (options.rows !== null) {
    const { rows, format } = options;
    await writeRows(world.stdout, engine, snapshot, { rowsMax: rows, format, signal });
  } else {
    await world.stdout.write(
      await overview(engine, snapshot, { at, format: options.format, signal }),
    );
  }
}

async function health(
  engine: Engine,
  snapshot: Snapshot,
  format: ListFormat,
  signal: AbortSignal,
): Promise<string> {
  const facts = await healthFacts(engine, snapshot, signal);
  const { positions } = tableFacts(snapshot, engine.store.uri);
  const findings = healthFindings(facts, { hasPositions: positions.length > 0 });
  return healthText(facts, findings, format);
}

async function history(
  engine: Engine,
  options: InspectOptions,
  signal: AbortSignal,
): Promise<string> {
  const { limit, format } = options;
  const timeTravel = options.version !== null || options.timestamp !== null;
  const few = limit === null || timeTravel ? { signal } : { limit, signal };
  const entries = await loadHistory(engine, few);
  if (entries.length === 0) await requireTableState(engine, { signal });
  const wanted = entries.filter((entry) => isWithin(entry, options));
  return historyText(historyRows(wanted.slice(0, limit ?? wanted.length)), format);
}

function isWithin(entry: HistoryEntry, { version, timestamp }: InspectOptions): boolean {
  if (version !== null) return entry.version <= version;
  return timestamp === null || entry.timestamp <= timestamp;
}

async function overview(
  engine: Engine,
  snapshot: Snapshot,
  { at, format, signal }: {
    readonly at: SnapshotAt | null;
    readonly format: ListFormat;
    readonly signal: AbortSignal;
  },
): Promise<string> {
  const facts = tableFacts(snapshot, engine.store.uri);
  switch (format) {
    case "json":
      return `${jsonText(facts)}\n`;
    case "ndjson":
    case "csv":
      return `${jsonText(facts, 0)}\n`;
    case "table": {
      const newest = at === null ? { limit: lastCommitsMax, signal } : { signal };
      const commits = await loadHistory(engine, newest);
      const last = commits.filter((entry) => entry.version <= snapshot.version)
        .slice(0, lastCommitsMax);
      return overviewText(facts, snapshot.schema, historyRows(last));
    }
  }
}

function snapshotAt({ version, timestamp }: InspectOptions): SnapshotAt | null {
  if (version !== null) return { kind: "version", version };
  return timestamp === null ? null : { kind: "timestamp", timestampMs: timestamp };
}
