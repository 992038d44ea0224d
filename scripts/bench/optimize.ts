/**
 * Measures `cdcdelta optimize` beside delta-rs on copies of one table of small files, in one run:
 *
 *     bun scripts/bench/optimize.ts [--files 500] [--rows 2000] [--rounds 3] [--z-order city,amount]
 *
 * Needs the readers that scripts/readers/install.sh installs. What is printed is the median round.
 */
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type MeasuredRun, measuredRun } from "./measured-run.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const script = fileURLToPath(new URL("./optimize_table.py", import.meta.url));

type Options = {
  readonly files: number;
  readonly rows: number;
  readonly rounds: number;
  readonly binary: string;
  /** Empty: merge only. */
  readonly zOrder: readonly string[];
  readonly folder: string;
};

async function bench(options: Options): Promise<void> {
  const cache = process.env["CDCDELTA_CACHE"] ?? join(homedir(), ".cache", "cdcdelta");
  const python = join(cache, "venv", "bin", "python");
  if (!existsSync(python)) throw new Error("delta-rs is missing: run scripts/readers/install.sh");
  const { files, rows, zOrder, folder } = options;
  const table = join(folder, "table");
  await measuredRun(python, [script, "make", table, String(files), String(rows)]);
  const ways: readonly (readonly [name: string, command: string, args: readonly string[]])[] = [
    [
      "cdcdelta",
      options.binary,
      ["optimize", "TABLE", ...zOrder.length === 0 ? [] : ["--z-order", zOrder.join(",")]],
    ],
    [
      "delta-rs",
      python,
      zOrder.length === 0 ? [script, "compact", "TABLE"] : [script, "zorder", "TABLE", ...zOrder],
    ],
  ];
  for (const [name, command, args] of ways) {
    const runs: MeasuredRun[] = [];
    for (let round = 0; round < options.rounds; round++) {
      const copy = join(folder, "copy");
      cpSync(table, copy, { recursive: true });
      runs.push(await measuredRun(command, args.map((arg) => arg === "TABLE" ? copy : arg)));
      rmSync(copy, { recursive: true });
    }
    const run = runs.sort((a, b) => a.seconds - b.seconds)[options.rounds >> 1]!;
    const peaks = runs.map(({ peakRssBytes }) => Math.round((peakRssBytes ?? 0) / 2 ** 20));
    process.stdout.write(
      `${name.padEnd(9)} ${run.seconds.toFixed(2)} s ` +
        `(${Math.round(files * rows / run.seconds).toLocaleString("en")} rows/s), ` +
        `CPU ${(run.cpuSeconds ?? 0).toFixed(2)} s, peak ${peaks.join(", ")} MiB\n`,
    );
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      files: { type: "string", default: "500" },
      rows: { type: "string", default: "2000" },
      rounds: { type: "string", default: "3" },
      binary: { type: "string", default: join(root, "dist", "cdcdelta") },
      "z-order": { type: "string", default: "" },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), "cdcdelta-bench-"));
  try {
    await bench({
      files: Number(values.files),
      rows: Number(values.rows),
      rounds: Number(values.rounds),
      binary: values.binary,
      zOrder: values["z-order"].split(",").filter((name) => name !== ""),
      folder,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) await main();
