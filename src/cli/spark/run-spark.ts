import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import type { Engine } from "../../delta/engine.ts";
import { type HistoryEntry, loadHistory } from "../../delta/log/history.ts";
import { requireTableState } from "../../delta/log/table-state.ts";
import { CdcDeltaError, messageOf } from "../../errors.ts";
import type { Settings } from "../settings/settings.ts";
import type { CliWorld } from "../world.ts";
import { type SparkCommand, sparkCommand } from "./spark-command.ts";
import type { SparkStatement } from "./spark-statement.ts";

export type SparkTask = {
  readonly world: Pick<CliWorld, "env">;
  readonly settings: Settings;
  readonly uri: string;
  readonly engine: Engine;
  readonly signal: AbortSignal;
};

/** What a statement did to a table. */
export type SparkOutcome = {
  /** The newest version before and after. */
  readonly versionBefore: number;
  readonly version: number;
  /** The statement's own commits, oldest first. */
  readonly commits: readonly HistoryEntry[];
};

/**
 * Runs a statement on the user's Spark and reads from the table's log what it did. With the signal
 * aborted Spark is told to end; what it committed stands. Errors: `spark` when it cannot be started,
 * fails (with the last it said) or was told to end; as `requireTableState`.
 */
export async function runOnSpark(
  { world, settings, uri, engine, signal }: SparkTask,
  statement: SparkStatement,
): Promise<SparkOutcome> {
  const before = await requireTableState(engine, { signal });
  const userMetadata = `cdcdelta:${engine.random.uuid()}`;
  const scratch = await mkdtemp(path.join(tmpdir(), "cdcdelta-spark-"));
  try {
    const sparkHome = world.env["SPARK_HOME"];
    const command = sparkCommand(statement, { settings, sparkHome, userMetadata, scratch });
    const failure = await runProcess(command, world.env, signal);
    if (signal.aborted) throw toldToEnd(uri, statement);
    if (failure !== null) throw sparkFailed(uri, statement, failure);
  } finally {
    await rm(scratch, { recursive: true, force: true }).catch(() => undefined);
  }
  const after = await requireTableState(engine, { signal });
  const limit = after.version - before.version;
  const history = limit === 0 ? [] : await loadHistory(engine, { limit, signal });
  return {
    versionBefore: before.version,
    version: after.version,
    commits: history.filter((entry) => entry.userMetadata === userMetadata).reverse(),
  };
}

/** The metric of that name, summed over commits; 0 where it is absent. Pure. */
export function metricSum(commits: readonly HistoryEntry[], name: string): number {
  return commits.reduce((sum, { operationMetrics }) => {
    const value = Number(operationMetrics?.[name] ?? 0);
    return sum + (Number.isFinite(value) ? value : 0);
  }, 0);
}

/** Characters of what Spark says that are kept for an error. */
const saidMax = 8000;
const linesShown = 12;

/** Null: it ended well; else what it said last. */
function runProcess(
  { command, args, env }: SparkCommand,
  inherited: CliWorld["env"],
  signal: AbortSignal,
): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...inherited, ...env },
      stdio: ["ignore", "ignore", "pipe"],
      // Ctrl-C reaches us alone, who tell Spark once.
      detached: true,
    });
    let said = "";
    child.stderr.setEncoding("utf8");
    child.stderr.on("data", (text: string) => said = (said + text).slice(-saidMax));
    const onAbort = (): void => {
      try {
        // The whole group: spark-sql is a script that starts what does the work.
        if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
      } catch {
        // It has just ended by itself.
      }
    };
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    child.on("error", (error) => {
      signal.removeEventListener("abort", onAbort);
      reject(
        new CdcDeltaError(
          "spark",
          `Cannot start Spark's "${command}": ${messageOf(error)}. Set SPARK_HOME, or name ` +
            "spark-sql with --spark-sql",
          { cause: error },
        ),
      );
    });
    child.on("close", (code, killedBy) => {
      signal.removeEventListener("abort", onAbort);
      resolve(code === 0 ? null : lastLines(said, killedBy ?? `exit code ${code ?? "unknown"}`));
    });
  });
}

/** The lines that name the cause, without the stack traces between them. */
function lastLines(said: string, ending: string): string {
  const lines = said.split("\n").map((line) => line.trimEnd()).filter((line) =>
    line !== "" && !/^\s*(?:at |\.\.\. \d+ more)/.test(line)
  );
  return [...lines.slice(-linesShown), ending].join("\n");
}

function toldToEnd(uri: string, { sql }: SparkStatement): CdcDeltaError {
  return new CdcDeltaError(
    "spark",
    `Spark was told to end while it ran "${sql}". It may have committed before: ` +
      `cdcdelta inspect ${uri} --history shows it`,
    { context: { table: uri } },
  );
}

function sparkFailed(uri: string, { sql }: SparkStatement, said: string): CdcDeltaError {
  return new CdcDeltaError(
    "spark",
    `Spark did not finish "${sql}" on ${uri}. What it committed before stands; it said:\n${said}`,
    { context: { table: uri } },
  );
}
