import { refuseLiveSinks } from "../../core/replay/lower-floors.ts";
import { CdcDeltaError, messageOf } from "../../errors.ts";
import { askConsent } from "../consent.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { counted } from "../output/counted.ts";
import { factsText } from "../output/table-text.ts";
import type { ReplayFlags } from "../replay/replay-options.ts";
import { pointText } from "../replay/replay-point.ts";
import { planText, replayJson, type ReplayReport, rowsOf } from "../replay/replay-report.ts";
import { replaySame } from "../replay/replay-same.ts";
import { replayShadow } from "../replay/replay-shadow.ts";
import { loadPlan, openReplay, type ReplaySession } from "../replay/replay-session.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import { listenForShutdown } from "../shutdown.ts";
import type { CliWorld, SignalName } from "../world.ts";

/** Too far away to matter: the second signal ends the process, not the time. */
const graceMs = 2 ** 31 - 1;

/**
 * `cdcdelta replay`. Errors: as `planReplay`; `conflict` when a sink is live or a table was written
 * meanwhile; `usage` without `--yes` where there is nobody to ask; those of a run.
 */
export async function replayCommand(
  world: CliWorld,
  resolved: ResolvedSettings,
  flags: ReplayFlags,
): Promise<ExitCode> {
  const session = openReplay(resolved, flags);
  let by: SignalName | null = null;
  const shutdown = listenForShutdown(world, {
    graceMs,
    onStopping: (name) => by = name,
    onGivenUp: () => undefined,
  });
  const { stop } = shutdown;
  try {
    // Once reading begins the signals are the run's, which commits what it has read.
    const signals = { stop, listening: () => shutdown.release() };
    if (flags.into !== "same") return await replayShadow(world, session, signals);
    const prepared = await prepare(world, session, stop);
    if (prepared.kind === "ended") return prepared.code;
    return await replaySame(world, session, prepared.plan, signals);
  } catch (error) {
    if (!stop.aborted) throw error;
    await world.stderr.write(`Ended by ${by ?? "a signal"}: ${messageOf(error)}\n`);
    return by === "SIGTERM" ? exitCodes.terminated : exitCodes.interrupted;
  } finally {
    shutdown.release();
    await session.close();
  }
}

type Prepared =
  | { readonly kind: "go"; readonly plan: Awaited<ReturnType<typeof loadPlan>> }
  | { readonly kind: "ended"; readonly code: ExitCode };

/** Plans, shows and asks. */
async function prepare(
  world: CliWorld,
  session: ReplaySession,
  stop: AbortSignal,
): Promise<Prepared> {
  const { flags, client, groupId } = session;
  const plan = await loadPlan(session, stop);
  const replays = plan.tables.map(({ replay }) => replay);
  const refused = replays.some(({ refusals }) => refusals.length > 0);
  const live = await session.again(() => liveSinks(client, groupId, stop), stop);
  const code = refused || live !== null ? exitCodes.failed : exitCodes.done;
  if (flags.dryRun || code !== exitCodes.done) {
    const report: ReplayReport = {
      ...rangeOf(flags),
      dryRun: flags.dryRun,
      stopped: false,
      tables: replays.map((each) => ({ plan: each, done: null })),
    };
    const nothing = factsText([["written", flags.dryRun ? "nothing (--dry-run)" : "nothing"]]);
    const text = `${planText(replays)}\n${nothing}`;
    await world.stdout.write(flags.format === "json" ? replayJson(report) : text);
    if (live !== null) await world.stderr.write(`cdcdelta: ${live}\n`);
    return { kind: "ended", code };
  }
  if (flags.yes) return { kind: "go", plan };
  await world.stderr.write(planText(replays));
  const rows = replays.reduce((sum, each) => sum + rowsOf(each), 0);
  const question = `Take ${counted(rows, "row")} out of ${counted(replays.length, "table")} and ` +
    "read them again?";
  const answer = await askConsent(world, question, stop);
  if (answer === "yes") return { kind: "go", plan };
  await world.stderr.write("Nothing was changed\n");
  return {
    kind: "ended",
    code: answer === "no" ? exitCodes.failed : exitCodes.interrupted,
  };
}

/** Who keeps the replay from beginning; null: nobody. */
async function liveSinks(
  client: ReplaySession["client"],
  groupId: string,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    await refuseLiveSinks(client, groupId, { signal });
    return null;
  } catch (error) {
    if (error instanceof CdcDeltaError && error.code === "conflict") return error.message;
    throw error;
  }
}

/** The range as it was asked for. */
function rangeOf({ from, to, into }: ReplayFlags): Pick<
  ReplayReport,
  "from" | "to" | "into"
> {
  return {
    into: into ?? "",
    from: from === null ? "" : pointText(from),
    to: to === null ? null : pointText(to),
  };
}
