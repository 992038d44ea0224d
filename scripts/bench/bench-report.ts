import type { MeasuredRun } from "./measured-run.ts";

/** One contender's numbers. */
export type BenchResult = {
  readonly name: string;
  readonly events: number;
  readonly inputBytes: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly cpuSeconds: number | null;
  readonly peakRssBytes: number | null;
  readonly commits: number;
  readonly commitMsP50: number | null;
  readonly commitMsP99: number | null;
};

export function benchResult(
  name: string,
  input: { readonly events: number; readonly bytes: number },
  run: MeasuredRun,
  commitMs: readonly number[],
): BenchResult {
  return {
    name,
    events: input.events,
    inputBytes: input.bytes,
    seconds: run.seconds,
    eventsPerSecond: input.events / run.seconds,
    megabytesPerSecond: input.bytes / 1e6 / run.seconds,
    cpuSeconds: run.cpuSeconds,
    peakRssBytes: run.peakRssBytes,
    commits: commitMs.length,
    commitMsP50: percentile(commitMs, 0.5),
    commitMsP99: percentile(commitMs, 0.99),
  };
}

/** The nearest-rank percentile; null without values. */
export function percentile(values: readonly number[], rank: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * rank) - 1)] ?? null;
}

/** A table of the results, and the ratios of the first to each of the others. */
export function benchText(results: readonly BenchResult[]): string {
  const head = [
    "",
    "events",
    "s",
    "events/s",
    "MB/s",
    "CPU s",
    "peak RSS",
    "commits",
    "p50",
    "p99",
  ];
  const rows = results.map((result) => [
    result.name,
    result.events.toLocaleString("en"),
    result.seconds.toFixed(1),
    Math.round(result.eventsPerSecond).toLocaleString("en"),
    result.megabytesPerSecond.toFixed(1),
    result.cpuSeconds?.toFixed(1) ?? "-",
    result.peakRssBytes === null ? "-" : `${Math.round(result.peakRssBytes / 2 ** 20)} MiB`,
    String(result.commits),
    milliseconds(result.commitMsP50),
    milliseconds(result.commitMsP99),
  ]);
  const [ours, ...others] = results;
  const ratios = ours === undefined ? [] : others.map((other) => {
    const ratio = ours.eventsPerSecond / other.eventsPerSecond;
    return `${ours.name} does ${ratio.toFixed(1)} times the events of ${other.name} per second`;
  });
  return [...aligned([head, ...rows]), ...ratios].join("\n");
}

function milliseconds(value: number | null): string {
  return value === null ? "-" : `${Math.round(value)} ms`;
}

/** Cells as lines of text: the first column to the left, the others to the right. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0))
  );
  return rows.map((row) =>
    row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    }).join("  ").trimEnd()
  );
}
