import process from "node:process";

/** With `KILL_ALL=1` every step, else as many as CI has time for, spread over all of them. */
export function spread<T>(all: readonly T[], count: number): T[] {
  if (process.env["KILL_ALL"] === "1" || all.length <= count) return [...all];
  return Array.from({ length: count }, (_, i) => all[Math.floor(i * all.length / count)]!);
}

/** Runs cases some at a time; returns what went wrong, one line a case. */
export async function failuresOf<T>(
  cases: readonly T[],
  run: (each: T) => Promise<void>,
): Promise<string[]> {
  const queue = [...cases.entries()];
  const failures: string[] = [];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [, each] = next;
      try {
        await run(each);
      } catch (error) {
        failures.push(`${JSON.stringify(each)}: ${error instanceof Error ? error.message : error}`);
      }
    }
  };
  // Runs mostly wait for input that is paced, so some of them fit on one core.
  await Promise.all(Array.from({ length: 5 }, work));
  return failures;
}

/** How long all steps may take, with `KILL_ALL=1`. */
export const allStepsMs = 30 * 60_000;
