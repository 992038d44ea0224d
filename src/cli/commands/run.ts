import { runPump } from "../../core/pump/pump.ts";
import type { PumpEvent, PumpSummary } from "../../core/pump/pump-events.ts";
import { type ExitCode, exitCodeOf, exitCodes } from "../exit-codes.ts";
import type { HttpServer } from "../http/http-server.ts";
import { type Logger, openLogger } from "../logger.ts";
import { type RunReport, runReportText } from "../output/run-report.ts";
import type { ProgressBar } from "../progress.ts";
import { logFailure, logRunEnd, logRunEvent } from "../run-log.ts";
import { openRunBar } from "../run-bar.ts";
import { openRunServer } from "../run-server.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import { listenForShutdown, type Shutdown } from "../shutdown.ts";
import { readiness } from "../watch/readiness.ts";
import type { RunEvent, RunObserver } from "../watch/run-event.ts";
import { openTraces } from "../watch/open-traces.ts";
import type { CliWorld } from "../world.ts";
import { type RunFlags, type WiredRun, wireRun } from "../wire.ts";

export type RunOptions = {
  readonly plan: boolean;
  readonly adopt: boolean;
  readonly untilLatest: boolean;
  readonly format: "table" | "json";
};

/** How a run ended: with what it has done, or with the code that says why it has not. */
export type RunEnd =
  | { readonly kind: "done"; readonly report: RunReport }
  | { readonly kind: "failed"; readonly code: ExitCode };

/** `cdcdelta run`: streams a source into tables. Errors: whatever ends the run. */
export async function runCommand(
  world: CliWorld,
  resolved: ResolvedSettings,
  options: RunOptions,
): Promise<ExitCode> {
  const end = await streamRun(world, resolved, options);
  if (end.kind === "failed") return end.code;
  await world.stdout.write(runReportText(end.report, options.format));
  return exitCodes.done;
}

/** A run with its log, progress and signals, but for the result. Errors: whatever ends the run. */
export async function streamRun(
  world: CliWorld,
  resolved: ResolvedSettings,
  options: RunFlags,
): Promise<RunEnd> {
  const { basePath, logLevel } = resolved.values;
  if (basePath === null) throw new RangeError("Cannot run without a base path");
  const startedMs = Date.now();
  // Sources and stores are wired before those who hear of them, which look at them.
  const watchers: RunObserver[] = [];
  const observe = (event: RunEvent): void => watchers.forEach((watch) => watch(event));
  const wired = wireRun(resolved, basePath, options, { stdin: world.stdin, observe });
  const ready = readiness(wired.sourceState);
  const bar = openRunBar(world, wired, ready);
  const log = openRunLog(world, logLevel, bar);
  watchers.push(ready.observe, (event) => bar?.observe(event));
  watchers.push((event) =>
    logRunEvent(log.logger, event, { brief: bar !== null && logLevel !== "debug" })
  );
  const shutdown = listenForShutdown(world, {
    graceMs: resolved.values.shutdownGrace,
    onStopping: (signal) => observe({ kind: "stopping", signal }),
    onGivenUp: () => log.logger.error(givenUpText, { event: "given-up" }),
  });
  let server: HttpServer | null = null;
  const traces = openTraces(resolved.values, log.logger);
  if (traces !== null) watchers.push(traces.observe);
  try {
    const opened = await openRunServer(resolved.values, options, {
      wired,
      ready,
      tell: observe,
      startedMs,
    });
    server = opened?.server ?? null;
    if (opened !== null) watchers.push(opened.observe);
    log.logger.info("Reading {source} into {basePath}", {
      event: "started",
      source: wired.pump.source.description,
      basePath,
      plan: options.plan,
      ...(server === null ? {} : { httpPort: server.port }),
    });
    const summary = await runWired(wired, observe, shutdown, options);
    const elapsedMs = Date.now() - startedMs;
    shutdown.settled();
    // The result stands for a run that has let go of everything.
    await wired.close();
    // On a terminal the result itself says it.
    if (bar === null) logRunEnd(log.logger, summary, elapsedMs);
    bar?.stop();
    const stopped = shutdown.stop.aborted;
    return { kind: "done", report: { summary, plan: options.plan, stopped, elapsedMs } };
  } catch (error) {
    if (shutdown.giveUp.aborted) return { kind: "failed", code: exitCodes.gaveUp };
    // Where logs are collected, the end of a run belongs among them.
    if (world.stderr.isTTY) throw error;
    logFailure(log.logger, error);
    return { kind: "failed", code: exitCodeOf(error) };
  } finally {
    bar?.stop();
    await wired.close();
    await Promise.all([server?.close(), traces?.close()]);
    shutdown.release();
    await log.written();
  }
}

const givenUpText =
  "The shutdown grace is over (--shutdown-grace): what is not committed is given up, and read " +
  "again next time";

async function runWired(
  wired: WiredRun,
  observe: RunObserver,
  { stop, giveUp }: Shutdown,
  { plan }: Pick<RunOptions, "plan">,
): Promise<PumpSummary> {
  try {
    if (!plan) await wired.prove(AbortSignal.any([stop, giveUp]));
  } catch (error) {
    // Nothing was read yet, so there is nothing to commit.
    if (!stop.aborted) throw error;
  }
  const { compaction } = wired;
  const observer = (event: PumpEvent): void => {
    if (event.kind === "committed") compaction?.add(event.table);
    observe({ kind: "pump", event });
  };
  const ended = new AbortController();
  const beside = compaction?.run(AbortSignal.any([ended.signal, stop, giveUp]));
  try {
    return await runPump(wired.pump, wired.settings, observer, { signal: giveUp, stop });
  } finally {
    ended.abort();
    await beside;
  }
}

type RunLog = { readonly logger: Logger; readonly written: () => Promise<void> };

/** JSON lines, or on a terminal text above the bar. */
function openRunLog(
  world: CliWorld,
  level: ResolvedSettings["values"]["logLevel"],
  bar: ProgressBar | null,
): RunLog {
  let written = Promise.resolve();
  const logger = openLogger({
    level,
    form: world.stderr.isTTY ? "text" : "json",
    sink: (line) => {
      if (bar === null) written = world.stderr.write(line);
      else bar.print(line);
    },
  });
  return { logger, written: () => written };
}
