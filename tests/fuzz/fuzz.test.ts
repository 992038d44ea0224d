import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import path from "node:path";
import process from "node:process";

/**
 * Damaged logs, checkpoints, hints, checksums, deletion vectors and data files, of ours and of other
 * writers: each is read or refused with an error of ours, in bounded time and memory. `SEED=n`
 * repeats one seed; `SEEDS=n` plays so many from `FROM` on, however long that takes (CI: what fits in
 * 20 s).
 */
const only = process.env["SEED"];
const count = only === undefined ? Number(process.env["SEEDS"] ?? Number.NaN) : 1;
const from = Number(only ?? process.env["FROM"] ?? 1);
/** No case takes a second; one that is silent for so long hangs. */
const silenceMsMax = 30_000;

type Line = {
  readonly seed?: number;
  readonly what?: string;
  readonly faults?: readonly string[];
  readonly cases?: number;
  readonly refused?: number;
};

type Played = { readonly failures: string[]; readonly cases: number; readonly refused: number };

function play(first: number, seeds: number, forMs: number): Promise<Played> {
  const script = path.join(import.meta.dirname, "fuzz-child.ts");
  const child = spawn(process.execPath, [script, first, seeds, forMs].map(String), {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const failures: string[] = [];
  let [seed, rest, errors, cases, refused] = [first, "", "", 0, 0];
  const hangs = (): void => {
    failures.push(`SEED=${seed}: silent for ${silenceMsMax} ms`);
    child.kill("SIGKILL");
  };
  let timer = setTimeout(hangs, silenceMsMax);
  const hear = (line: Line): void => {
    clearTimeout(timer);
    timer = setTimeout(hangs, silenceMsMax);
    seed = line.seed ?? seed;
    cases = line.cases ?? cases;
    refused = line.refused ?? refused;
    if (line.faults !== undefined) failures.push(`SEED=${seed} ${line.what}: ${line.faults[0]}`);
  };
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) hear(JSON.parse(line) as Line);
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    errors = (errors + chunk).slice(-4000);
  });
  return new Promise((resolve) => {
    child.on("close", (status) => {
      clearTimeout(timer);
      if (status !== 0) failures.push(`SEED=${seed}: ended with ${status}: ${errors}`);
      resolve({ failures, cases, refused });
    });
  });
}

describe(`damaged tables (seeds from ${from})`, () => {
  test("are read or refused, and nothing else", async () => {
    const played = Number.isNaN(count)
      ? await play(from, 1_000_000, 20_000)
      : await play(from, count, 24 * 3_600_000);
    expect(played.failures.slice(0, 10)).toEqual([]);
    if (only !== undefined) return;
    expect(played.cases).toBeGreaterThan(50);
    // Damage is met, and not all of it makes a table unreadable.
    expect(played.refused).toBeGreaterThan(played.cases * 0.1);
    expect(played.refused).toBeLessThan(played.cases);
  }, 24 * 3_600_000);
});
