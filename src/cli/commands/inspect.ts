import { type HistoryEntry, loadHistory } from "../../delta/log/history.ts";
import { openVersion, type SnapshotAt, type TableVersion } from "../../delta/log/snapshot.ts";
import { requireTableState } from "../../delta/log/table-state.ts";
import type { Engine } from "../../delta/engine.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { writeChanges } from "../inspect/changes-view.ts";
import { ddlText } from "../inspect/ddl.ts";
import { writeFiles } from "../inspect/files-view.ts";
import { healthFacts } from "../inspect/health-facts.ts";
import { healthFindings } from "../inspect/health-findings.ts";
import { healthText } from "../inspect/health-text.ts";
import { historyRows, historyText } from "../inspect/history-view.ts";
import type { InspectOptions } from "../inspect/inspect-options.ts";
import type { ListFormat } from "../inspect/list-output.ts";
import { inspectOffset } from "../inspect/offset-view.ts";
import { overviewText } from "../inspect/overview-text.ts";
import { writeSelectedRows } from "../inspect/selected-rows.ts";
import { liveAdds, storedPositions, sumFiles, tableFacts } from "../inspect/table-facts.ts";
import { jsonText } from "../output/json-text.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import { wireTables } from "../wire-tables.ts";
import type { CliWorld } from "../world.ts";

/** Commits shown at a glance. */
const lastCommitsMax = 5;

/** `cdcdelta inspect`. Errors: `not-found`, `unsupported`, `log-corrupt`, the store's. */
export async function inspectCommand(
  world: CliWorld,
  { values }: ResolvedSettings,
  table: string,
  options: InspectOptions,
): Promise<ExitCode> {
  // When nobody reads the result any more, reading the table has lost its purpose as well.
  const signal = world.stdout.closed;
  const { engineAt, close } = wireTables(values);
  try {
    if (options.offset === null) await show(world, engineAt(table), options, signal);
    else await inspectOffset(world, { values, uri: table }, options.offset, options.format);
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
  if (options.changes !== null) {
    await writeChanges(world, engine, { ...options, changes: options.changes }, signal);
    return;
  }
  // What `requirements` leaves: Arrow is for rows and changes.
  const format = options.format === "arrow" ? "ndjson" : options.format;
  if (options.history) {
    await world.stdout.write(await history(engine, options, format, signal));
    return;
  }
  const at = snapshotAt(options);
  const version = await openVersion(engine, at === null ? { signal } : { at, signal });
  if (options.health) {
    await world.stdout.write(await health(engine, version, format, signal));
  } else if (options.ddl !== null) {
    await world.stdout.write(ddlText(options.ddl, engine.store.uri, version.state.schema));
  } else if (options.files) {
    const { limit } = options;
    await writeFiles(world.stdout, liveAdds(version, signal), { format, limit });
  } else if (options.rows !== null) {
    await writeSelectedRows(world, engine, version, { ...options, rows: options.rows }, signal);
  } else {
    await world.stdout.write(await overview(engine, version, { at, format, signal }));
  }
}

async function health(
  engine: Engine,
  version: TableVersion,
  format: ListFormat,
  signal: AbortSignal,
): Promise<string> {
  const facts = await healthFacts(engine, version, signal);
  const positions = storedPositions(version.state.transactions.values());
  const findings = healthFindings(facts, { hasPositions: positions.length > 0 });
  return healthText(facts, findings, format);
}

async function history(
  engine: Engine,
  options: InspectOptions,
  format: ListFormat,
  signal: AbortSignal,
): Promise<string> {
  const { limit } = options;
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
  version: TableVersion,
  { at, format, signal }: {
    readonly at: SnapshotAt | null;
    readonly format: ListFormat;
    readonly signal: AbortSignal;
  },
): Promise<string> {
  const sums = await sumFiles(liveAdds(version, signal));
  const facts = tableFacts(version, sums, engine.store.uri);
  switch (format) {
    case "json":
      return `${jsonText(facts)}\n`;
    case "ndjson":
    case "csv":
      return `${jsonText(facts, 0)}\n`;
    case "table": {
      const newest = at === null ? { limit: lastCommitsMax, signal } : { signal };
      const commits = await loadHistory(engine, newest);
      const last = commits.filter((entry) => entry.version <= version.state.version)
        .slice(0, lastCommitsMax);
      return overviewText(facts, version.state.schema, historyRows(last));
    }
  }
}

function snapshotAt({ version, timestamp }: InspectOptions): SnapshotAt | null {
  if (version !== null) return { kind: "version", version };
  return timestamp === null ? null : { kind: "timestamp", timestampMs: timestamp };
}
