import type { Engine } from "../engine.ts";
import type { JsonValue } from "../schema/data-type.ts";
import type { CommitInfo } from "./actions.ts";
import { monotonicTimestamps } from "./commit-timestamps.ts";
import { readLastCheckpoint } from "./last-checkpoint.ts";
import { listLog, readCommit } from "./log-reader.ts";
import type { LogCommit } from "./log-segment.ts";

type Texts = Readonly<Record<string, string | null>>;

/** A commit as Spark's `DESCRIBE HISTORY` shows it, names included. Null: not known. */
export type HistoryEntry = {
  readonly version: number;
  /** Milliseconds since the epoch: the log's own timestamp, or the file's. */
  readonly timestamp: number;
  readonly userId: string | null;
  readonly userName: string | null;
  readonly operation: string | null;
  readonly operationParameters: Texts | null;
  readonly job: JsonValue;
  readonly notebook: JsonValue;
  readonly clusterId: string | null;
  readonly readVersion: number | null;
  readonly isolationLevel: string | null;
  readonly isBlindAppend: boolean | null;
  readonly operationMetrics: Texts | null;
  readonly userMetadata: string | null;
  readonly engineInfo: string | null;
};

export type HistoryOptions = {
  /** The newest so many; default all that the log still has. */
  readonly limit?: number;
  readonly signal: AbortSignal;
};

const commitsAtOnce = 16;

/** The commits whose files are still in the log, newest first. */
export async function loadHistory(
  engine: Engine,
  { limit = Infinity, signal }: HistoryOptions,
): Promise<HistoryEntry[]> {
  const commits = await newestCommits(engine, limit, signal);
  const timestamps = new Map(monotonicTimestamps(commits).map((c) => [c.version, c.timestampMs]));
  const newestFirst = commits.slice(Math.max(0, commits.length - limit)).reverse();
  const entries: HistoryEntry[] = [];
  for (let i = 0; i < newestFirst.length; i += commitsAtOnce) {
    const wave = newestFirst.slice(i, i + commitsAtOnce).map(async ({ version }) => {
      const actions = await readCommit(engine, version, { signal, files: false }) ?? [];
      const info = actions.find((action) => action.kind === "commitInfo");
      return historyEntry(version, timestamps.get(version) ?? 0, info?.commitInfo ?? {});
    });
    entries.push(...await Promise.all(wave));
  }
  return entries;
}

/** At least the newest `limit` ones; the whole log is listed only when that is asked for. */
async function newestCommits(
  engine: Engine,
  limit: number,
  signal: AbortSignal,
): Promise<readonly LogCommit[]> {
  if (Number.isFinite(limit)) {
    const hint = await readLastCheckpoint(engine, { signal });
    const from = Math.max(0, (hint?.version ?? 0) - limit);
    const { commits } = await listLog(engine, { from, signal });
    if (commits.length > limit) return commits;
  }
  return (await listLog(engine, { from: 0, signal })).commits;
}

function historyEntry(version: number, fileMs: number, info: CommitInfo): HistoryEntry {
  const own = info["inCommitTimestamp"];
  const readVersion = info["readVersion"];
  const isBlindAppend = info["isBlindAppend"];
  return {
    version,
    timestamp: typeof own === "number" ? own : fileMs,
    userId: textOf(info["userId"]),
    userName: textOf(info["userName"]),
    operation: textOf(info["operation"]),
    operationParameters: textsOf(info["operationParameters"]),
    job: info["job"] ?? null,
    notebook: info["notebook"] ?? null,
    clusterId: textOf(info["clusterId"]),
    readVersion: typeof readVersion === "number" ? readVersion : null,
    isolationLevel: textOf(info["isolationLevel"]),
    isBlindAppend: typeof isBlindAppend === "boolean" ? isBlindAppend : null,
    operationMetrics: textsOf(info["operationMetrics"]),
    userMetadata: textOf(info["userMetadata"]),
    engineInfo: textOf(info["engineInfo"]),
  };
}

/** Values that are no text are shown as their JSON, as Spark does. */
function textOf(value: JsonValue | undefined): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}

function textsOf(value: JsonValue | undefined): Texts | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, textOf(item)]));
}
