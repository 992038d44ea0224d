import type { SnapshotAt } from "../../delta/log/snapshot.ts";
import { planRestore, restore } from "../../delta/operations/restore.ts";
import { CdcDeltaError } from "../../errors.ts";
import { askConsent } from "../consent.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import { listenForShutdown } from "../shutdown.ts";
import { restoreOnSpark, sparkRestore } from "../spark/on-spark.ts";
import { restoreFacts, restorePlanText, restoreText } from "../tables/restore-report.ts";
import type { RestoreFlags } from "../tables/table-options.ts";
import { wireTables } from "../wire-tables.ts";
import type { CliWorld, SignalName } from "../world.ts";

/** Too far away to matter: the second signal ends the process, not the time. */
const graceMs = 2 ** 31 - 1;

/**
 * `cdcdelta restore`. Errors: as `planRestore` and `restore`; `usage` without `--yes` where there is
 * nobody to ask.
 */
export async function restoreCommand(
  world: CliWorld,
  { values }: ResolvedSettings,
  uri: string,
  flags: RestoreFlags,
): Promise<ExitCode> {
  const tables = wireTables(values);
  let by: SignalName | null = null;
  const shutdown = listenForShutdown(world, {
    graceMs,
    onStopping(name) {
      by = name;
      const text = "ending; a commit under way is finished first; once more to end at once";
      void world.stderr.write(`cdcdelta: ${name}: ${text}\n`);
    },
    onGivenUp: () => undefined,
  });
  const signal = shutdown.stop;
  try {
    const engine = tables.engineAt(uri);
    const at = wantedVersion(flags);
    const plan = await planRestore(engine, { at, signal });
    const facts = restoreFacts(plan, engine.store.uri);
    if (flags.dryRun) {
      const spark = flags.engine === "native" ? {} : { spark: sparkRestore(uri, plan, values) };
      await world.stdout.write(restoreText({ ...facts, ...spark }, null, flags));
      return exitCodes.done;
    }
    if (!flags.yes) {
      // The question needs the facts; they stand on standard error, where it is asked.
      await world.stderr.write(restorePlanText(facts));
      const question = `Restore ${uri} to version ${facts.version}?`;
      const answer = await askConsent(world, question, signal);
      if (answer !== "yes") {
        await world.stderr.write("Nothing was changed\n");
        return answer === "no" ? exitCodes.failed : interrupted(by);
      }
    }
    if (flags.engine === "spark") {
      const task = { uri, engine, stop: signal };
      const done = await restoreOnSpark(task, plan, { world, settings: values });
      await world.stdout.write(restoreText(facts, done.version, flags));
      return exitCodes.done;
    }
    // What was agreed to is the plan that was shown; nobody was asked about later commits.
    const follows = flags.yes ? {} : { follows: plan.newest.state.version };
    const done = await restore(engine, { at, signal, ...follows });
    const changed = restoreFacts(done, engine.store.uri);
    await world.stdout.write(restoreText(changed, done.version, flags));
    return exitCodes.done;
  } catch (error) {
    // Told to end before the commit. Another error is told as it is: there may have been one.
    if (!signal.aborted || error instanceof CdcDeltaError) throw error;
    await world.stderr.write("Nothing was changed\n");
    return interrupted(by);
  } finally {
    tables.close();
    shutdown.release();
  }
}

function wantedVersion({ version, timestamp }: RestoreFlags): SnapshotAt {
  if (version !== null) return { kind: "version", version };
  return { kind: "timestamp", timestampMs: timestamp ?? 0 };
}

function interrupted(by: SignalName | null): ExitCode {
  return by === "SIGTERM" ? exitCodes.terminated : exitCodes.interrupted;
}
