import { settingEntries } from "./settings.ts";
import { envNamesOf } from "./setting.ts";

/** Something wrong with flags, environment or configuration, and what to do about it. */
export type Problem = {
  /** The flag, the variable, or `file:line key`. */
  readonly place: string;
  readonly message: string;
  readonly fix: string;
};

/** All problems as one text for standard error. */
export function formatProblems(problems: readonly Problem[]): string {
  const head = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const lines = problems.flatMap(({ place, message, fix }) => [
    `  ${place}: ${message}`,
    `      ${fix}`,
  ]);
  return [`cdcdelta: ${head} with the configuration`, ...lines, ""].join("\n");
}

/** The candidate most like a word that is none of them; null when none is near. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(word.length * 0.4)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Warnings for `CDCDELTA_…` variables that look like a misspelt setting. */
export function misspeltVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = settingEntries.flatMap(([key, each]) => envNamesOf(key, each).map((e) => e.name));
  return Object.keys(env)
    .filter((name) => name.startsWith("CDCDELTA_") && !known.includes(name))
    .flatMap((name) => {
      const own = known.filter((each) => each.startsWith("CDCDELTA_"));
      const similar = own.find((each) => editDistance(name, each) <= 2);
      return similar === undefined ? [] : [`${name} is no setting; did you mean ${similar}?`];
    });
}

/** Insertions, deletions, replacements and swaps of neighbours between two words. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let distance = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + cost,
      );
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) distance = Math.min(distance, (before[j - 2] ?? 0) + 1);
      row.push(distance);
    }
    [before, previous] = [previous, row];
  }
  return previous[b.length] ?? 0;
}
