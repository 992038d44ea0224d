import { percentile } from "./bench-report.ts";

/** A commit as the log tells it. */
export type LoggedCommit = {
  readonly timeMs: number;
  readonly rows: number;
  readonly newestSourceMs: number;
};

export type Freshness = {
  readonly events: number;
  readonly seconds: number;
  /** From an event's source time to the commit that makes it readable. */
  readonly msP50: number | null;
  readonly msP95: number | null;
  readonly msP99: number | null;
};

/**
 * How fresh rows are, from the commits of a paced stream: between two commits source times are taken
 * as evenly spread, which pacing makes them. The first commit, which holds what was waiting, is left
 * out.
 */
export function freshnessOf(commits: readonly LoggedCommit[]): Freshness {
  const samples: number[] = [];
  let events = 0;
  for (let i = 1; i < commits.length; i++) {
    const [before, commit] = [commits[i - 1]!, commits[i]!];
    events += commit.rows;
    const span = commit.newestSourceMs - before.newestSourceMs;
    const count = Math.min(commit.rows, 1000);
    for (let j = 1; j <= count; j++) {
      samples.push(commit.timeMs - before.newestSourceMs - span * (j / count));
    }
  }
  const [first, last] = [commits[0], commits.at(-1)];
  return {
    events,
    seconds: first === undefined || last === undefined ? 0 : (last.timeMs - first.timeMs) / 1000,
    msP50: percentile(samples, 0.5),
    msP95: percentile(samples, 0.95),
    msP99: percentile(samples, 0.99),
  };
}
