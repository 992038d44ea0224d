import type { Logger } from "@logtape/logtape";
import { runPump } from "../../core/pump/pump.ts";
import type { PumpObserver, PumpSummary } from "../../core/pump/pump-events.ts";
import { CdcDeltaError, messageOf } from "../../errors.ts";
import type { RetryEvent } from "../../delta/storage/retrying-store.ts";
import { type ExitCode, exitCodeOf, exitCodes } from "../exit-codes.ts";
import { openLogger } from "../logger.ts";
import { runReportText } from "../output/run-report.ts";
import { type ProgressBar, progressBar } from "../progress.ts";
import { logPumpEvent, logRetry } from "../run-log.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import type { CliWorld, SignalName } from "../world.ts";
import { type WiredRun, wireRun } from "../wire.ts";

export type RunOptions = {
  readonly plan: boolean;
  readonly adopt: boolean;
  readonly format: "table" | "json";
};

/** `cdcdelta run`: streams a source into tables. Errors: whatever ends the run. */
export async function runCommand(
  world: CliWorld,
  resolved: ResolvedSettings,
  options: RunOptions,
): Promise<ExitCode> {
  const { source, basePath, logLevel } = resolved.values;
  if (source === null || basePath === null) throw new RangeError("Cannot run without a source");
  const startedMs = Date.now();
  // The log needs the progress bar, which needs the source: what it hears of stores comes first.
  let onRetry = (_: RetryEvent): void => undefined;
  const ports = { stdin: world.stdin, onRetry: (event: RetryEvent) => onRetry(event) };
  const wired = wireRun(resolved, { source, basePath }, options, ports);
  const bar = openBar(world, wired);
  let written = Promise.resolve();
  const logger = openLogger({
    level: logLevel,
    form: world.stderr.isTTY ? "text" : "json",
    sink: (line) => {
      if (bar === null) written = world.stderr.write(line);
      else bar.print(line);
    },
  });
  onRetry = (event) => logRetry(logger, event);
  const stop = new AbortController();
  const release = world.onSignal(onSignals(world, logger, stop));
  try {
    logger.info("Reading {source} into {basePath}", {
      event: "started",
      source: wired.pump.source.description,
      basePath,
      plan: options.plan,
    });
    const summary = await runWired(wired, observer(logger, bar, logLevel), stop.signal, options);
    const elapsedMs = Date.now() - startedMs;
    // On a terminal the result itself says it.
    if (bar === null) logEnd(logger, summary, elapsedMs);
    bar?.stop();
    const report = { summary, plan: options.plan, stopped: stop.signal.aborted, elapsedMs };
    await world.stdout.write(runReportText(report, options.format));
    return exitCodes.done;
  } catch (error) {
    // Where logs are collected, the end of a run belongs among them.
    if (world.stderr.isTTY) throw error;
    logFailure(logger, error);
    return exitCodeOf(error);
  } finally {
    bar?.stop();
    release();
    await wired.close();
    await written;
  }
}

async function runWired(
  wired: WiredRun,
  observe: PumpObserver,
  stop: AbortSignal,
  { plan }: RunOptions,
): Promise<PumpSummary> {
  const { signal } = new AbortController();
  if (!plan) await wired.prove(signal);
  return await runPump(wired.pump, wired.settings, observe, { signal, stop });
}

function openBar(world: CliWorld, wired: WiredRun): ProgressBar | null {
  if (world.terminal === null) return null;
  return progressBar(world.terminal, () => wired.pump.source.progress());
}

/** On a terminal the bar tells what goes well, so only the rest is worth a line. */
function observer(logger: Logger, bar: ProgressBar | null, level: string): PumpObserver {
  const told = new Set(["table-opened", "committed"]);
  return (event) => {
    bar?.observe(event);
    if (bar !== null && level !== "debug" && told.has(event.kind)) return;
    logPumpEvent(logger, event);
  };
}

function onSignals(
  world: CliWorld,
  logger: Logger,
  stop: AbortController,
): (signal: SignalName) => void {
  return (signal) => {
    if (stop.signal.aborted) {
      world.exit(signal === "SIGINT" ? exitCodes.interrupted : exitCodes.terminated);
      return;
    }
    logger.info("{signal}: committing what was read; a second signal exits at once", {
      event: "stopping",
      signal,
    });
    stop.abort();
  };
}

function logFailure(logger: Logger, error: unknown): void {
  const known = error instanceof CdcDeltaError;
  // Braces of the message itself are no places for facts.
  const message = messageOf(error).replaceAll("{", "{{").replaceAll("}", "}}");
  logger.error(message, {
    event: "failed",
    code: known ? error.code : "internal",
    ...(known ? error.context : {}),
  });
  if (error instanceof Error) logger.debug("{stack}", { event: "stack", stack: error.stack });
}

function logEnd(logger: Logger, summary: PumpSummary, elapsedMs: number): void {
  const { tables, ...totals } = summary;
  logger.info("Done: {records} records, {rows} rows", {
    event: "done",
    ...totals,
    tables: tables.length,
    elapsedMs,
  });
}
