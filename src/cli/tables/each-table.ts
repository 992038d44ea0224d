import type { Engine } from "../../delta/engine.ts";
import { CdcDeltaError, messageOf } from "../../errors.ts";
import { type ExitCode, exitCodeOf, exitCodes } from "../exit-codes.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import { listenForShutdown } from "../shutdown.ts";
import { wireTables } from "../wire-tables.ts";
import type { CliWorld, SignalName } from "../world.ts";
import { chosenTables, type TableChoice } from "./chosen-tables.ts";
import { type TableProgress, tableProgress } from "./table-progress.ts";

/** One table that a command works on. */
export type TableTask = {
  readonly uri: string;
  readonly engine: Engine;
  readonly progress: TableProgress;
  /** Raised by the first SIGINT or SIGTERM. */
  readonly stop: AbortSignal;
};

/** What became of a table. */
export type TableOutcome<Result> =
  | { readonly kind: "done"; readonly uri: string; readonly result: Result }
  | {
    readonly kind: "failed";
    readonly uri: string;
    readonly code: string;
    readonly message: string;
    /** What was done before it failed, where that stands. */
    readonly result?: Result;
  };

/** What became of all tables. */
export type TablesReport<Result> = {
  readonly outcomes: readonly TableOutcome<Result>[];
  /** True: told to end before all was done. */
  readonly stopped: boolean;
};

/** What was done to a table. */
export type TableWork<Result> = {
  readonly result: Result;
  /** False: told to end before all was done. */
  readonly ended: boolean;
  /** The error that the work ended with after it did what the result tells. */
  readonly failure?: unknown;
};

export type TablesCommand<Result> = {
  readonly choice: TableChoice;
  /** What the first signal makes the command wait for, for the message. */
  readonly endsAfter: string;
  /** Works on one table. */
  readonly work: (task: TableTask) => Promise<TableWork<Result>>;
  /** The result for standard output; empty when there is nothing to show. */
  readonly show: (report: TablesReport<Result>) => string;
};

/** Too far away to matter: the second signal ends the process, not the time. */
const graceMs = 2 ** 31 - 1;

/**
 * Works on tables one after the other; one that fails does not keep the others from their turn, but
 * the command has failed then. Errors: as `chosenTables`.
 */
export async function eachTable<Result>(
  world: CliWorld,
  resolved: ResolvedSettings,
  { choice, endsAfter, work, show }: TablesCommand<Result>,
): Promise<ExitCode> {
  const tables = wireTables(resolved.values);
  const progress = tableProgress(world);
  let by: SignalName | null = null;
  const shutdown = listenForShutdown(world, {
    graceMs,
    onStopping(signal) {
      by = signal;
      progress.say(`cdcdelta: ${signal}: ending after ${endsAfter}; once more to end at once`);
    },
    onGivenUp: () => undefined,
  });
  const { stop } = shutdown;
  const outcomes: TableOutcome<Result>[] = [];
  const errors: unknown[] = [];
  let ended = true;
  const failed = (uri: string, error: unknown, before: { readonly result?: Result }): void => {
    errors.push(error);
    const code = error instanceof CdcDeltaError ? error.code : "internal";
    outcomes.push({ kind: "failed", uri, code, message: messageOf(error), ...before });
    progress.say(`cdcdelta: ${messageOf(error)}`);
  };
  try {
    const uris = await chosenTables(choice, resolved, tables, stop);
    for (const uri of uris) {
      if (stop.aborted) {
        ended = false;
        break;
      }
      try {
        const done = await work({ uri, engine: tables.engineAt(uri), progress, stop });
        if (done.failure !== undefined) failed(uri, done.failure, { result: done.result });
        else {
          outcomes.push({ kind: "done", uri, result: done.result });
          ended = done.ended;
        }
      } catch (error) {
        if (stop.aborted) {
          ended = false;
          break;
        }
        failed(uri, error, {});
      }
    }
  } catch (error) {
    if (!stop.aborted) throw error;
    ended = false;
  } finally {
    await progress.clear();
    tables.close();
    shutdown.release();
  }
  await world.stdout.write(show({ outcomes, stopped: !ended }));
  if (!ended) return signalCode(by);
  if (errors.length === 0) return exitCodes.done;
  return outcomes.length === 1 ? exitCodeOf(errors[0]) : exitCodes.failed;
}

function signalCode(by: SignalName | null): ExitCode {
  return by === "SIGTERM" ? exitCodes.terminated : exitCodes.interrupted;
}
