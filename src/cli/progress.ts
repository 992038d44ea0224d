import { MultiBar, type SingleBar } from "cli-progress";
import type { PumpEvent } from "../core/pump/pump-events.ts";
import { humanByteSize } from "./settings/units.ts";
import type { RunEvent } from "./watch/run-event.ts";

const redrawMs = 250;
/** Events a second are those of the last few seconds, so that the number is alive but calm. */
const rateWindowMs = 5000;

export type SourceProgress = { readonly bytesRead: number; readonly bytesTotal: number | null };

/** The progress bar of a run on a terminal. */
export type ProgressBar = {
  observe(event: RunEvent): void;
  /** Writes a line above the bar, or below it once it has stopped. */
  print(line: string): void;
  /** Draws a last time and leaves the terminal as it was. */
  stop(): void;
};

/** What the bar says beside the bar itself. Pure. */
export type ProgressFacts = {
  readonly records: number;
  readonly tables: number;
  readonly lastCommit: string;
  readonly perSecond: number;
};

/** Follows the events of a run; the clock comes in. */
export function progressMeter(): {
  observe(event: PumpEvent, nowMs: number): void;
  facts(nowMs: number): ProgressFacts;
} {
  let records = 0;
  let lastCommit = "none yet";
  const tables = new Set<string>();
  const flushes: { readonly atMs: number; readonly records: number }[] = [];
  let startedMs: number | null = null;
  return {
    observe(event, nowMs) {
      startedMs ??= nowMs;
      if (event.kind === "table-opened") tables.add(event.table);
      if (event.kind === "committed") lastCommit = `${event.table} v${event.version}`;
      if (event.kind !== "flushed") return;
      records += event.counts.records;
      flushes.push({ atMs: nowMs, records: event.counts.records });
    },
    facts(nowMs) {
      while ((flushes[0]?.atMs ?? nowMs) < nowMs - rateWindowMs) flushes.shift();
      const recent = flushes.reduce((sum, flush) => sum + flush.records, 0);
      const spanMs = Math.min(rateWindowMs, Math.max(1, nowMs - (startedMs ?? nowMs)));
      const perSecond = Math.round(recent / (Math.max(spanMs, 1000) / 1000));
      return { records, tables: tables.size, lastCommit, perSecond };
    },
  };
}

/** Draws a line on a terminal until stopped; `lineOf` gets what was done and the width. */
export function progressBar(
  stream: NodeJS.WriteStream,
  lineOf: (facts: ProgressFacts, columns: number) => string,
): ProgressBar {
  const meter = progressMeter();
  const bars = new MultiBar({
    stream,
    format: (_options, _params, payload: { readonly line?: string }) => payload.line ?? "",
    hideCursor: true,
    clearOnComplete: false,
    stopOnComplete: false,
    forceRedraw: true,
    // The timer below draws; the library's own would go on while nothing changes.
    fps: 1000 / redrawMs,
    gracefulExit: false,
  });
  const bar: SingleBar = bars.create(1, 0, { line: "" });
  const draw = (): void => {
    const line = lineOf(meter.facts(Date.now()), terminalWidth(stream));
    bar.update(0, { line });
  };
  draw();
  let stopped = false;
  const timer = setInterval(draw, redrawMs);
  return {
    observe: (event) => {
      if (event.kind === "pump") meter.observe(event.event, Date.now());
    },
    print: (line) => {
      const whole = line.endsWith("\n") ? line : `${line}\n`;
      if (stopped) stream.write(whole);
      else bars.log(whole);
    },
    stop() {
      if (stopped) return;
      stopped = true;
      clearInterval(timer);
      draw();
      bars.update();
      bars.stop();
    },
  };
}

/** Terminals that do not know their width say 0 or nothing. */
export function terminalWidth({ columns }: { readonly columns?: number }): number {
  return columns === undefined || columns === 0 ? 80 : columns;
}

/** `[#####-----]  45%  120,000 events  61,000/s  2 tables  last commit shop.orders v12`. Pure. */
export function progressLine(
  { bytesRead, bytesTotal }: SourceProgress,
  { records, tables, lastCommit, perSecond }: ProgressFacts,
  columns: number,
): string {
  const group = (count: number): string => count.toLocaleString("en-US");
  const facts = [
    `${group(records)} events`,
    `${group(perSecond)}/s`,
    `${tables} ${tables === 1 ? "table" : "tables"}`,
    `last commit ${lastCommit}`,
  ].join("  ");
  if (bytesTotal === null || bytesTotal <= 0) {
    return cut(`${humanByteSize(bytesRead)}  ${facts}`, columns);
  }
  const share = Math.min(1, bytesRead / bytesTotal);
  const width = columns > 110 ? 30 : 16;
  const done = Math.round(share * width);
  const drawn = `[${"#".repeat(done)}${"-".repeat(width - done)}]`;
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  return cut(`${drawn} ${percent}  ${facts}`, columns);
}

function cut(line: string, columns: number): string {
  return line.length < columns ? line : `${line.slice(0, Math.max(0, columns - 2))}…`;
}
