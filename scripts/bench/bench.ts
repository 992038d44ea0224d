/**
 * Measures `cdcdelta run` on made-up events beside a plain Python consumer, in the same run:
 *
 *     bun scripts/bench/bench.ts [--events 1000000] [--kcat] [--workers N] [--memory 256MiB]
 *
 * Both read the same file from a local folder and write a Delta table into one. The Python side
 * runs when its packages are installed, on at most `--baseline-events`.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type BenchResult, benchResult, benchText } from "./bench-report.ts";
import { writeEvents } from "./make-events.ts";
import { measuredRun } from "./measured-run.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

type BenchOptions = {
  readonly events: number;
  readonly baselineEvents: number;
  readonly kcat: boolean;
  readonly binary: string;
  readonly folder: string;
  /** Flags of `run` as they were given, such as `--workers 2`. */
  readonly flags: readonly string[];
};

type Input = { readonly file: string; readonly events: number; readonly bytes: number };

async function bench(options: BenchOptions): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  const { events, kcat, folder } = options;
  const input = makeInput(join(folder, "events.ndjson"), { events, kcat });
  results.push(await cdcdelta(options, input));
  const python = pythonPath();
  if (options.baselineEvents === 0 || python === null) return results;
  const baselineEvents = Math.min(events, options.baselineEvents);
  const own = kcat || baselineEvents < events
    ? makeInput(join(folder, "baseline.ndjson"), { events: baselineEvents, kcat: false })
    : input;
  results.push(await pythonBaseline(python, own, folder));
  return results;
}

function makeInput(
  file: string,
  options: { readonly events: number; readonly kcat: boolean },
): Input {
  const bytes = writeEvents(file, { count: options.events, seed: 7, kcat: options.kcat });
  return { file, events: options.events, bytes };
}

async function cdcdelta(options: BenchOptions, input: Input): Promise<BenchResult> {
  const lake = join(options.folder, "lake");
  const args = ["run", "--source", input.file, "--base-path", lake, "--format", "json"];
  const run = await measuredRun(options.binary, [...args, ...options.flags]);
  const summary: unknown = JSON.parse(run.stdout);
  // Bare values have no key, so their deletes have no `_id` and become dead letters; kcat lines do.
  const rows = numberIn(summary, "rows") + numberIn(summary, "deadLetters");
  if (rows !== input.events) throw new Error(`${input.events} events became ${rows} rows`);
  const commitMs = logLines(run.stderr)
    .filter((line) => textIn(line, "event") === "committed")
    .map((line) => numberIn(line, "latencyMs"));
  return benchResult("cdcdelta", input, run, commitMs);
}

async function pythonBaseline(python: string, input: Input, folder: string): Promise<BenchResult> {
  const script = fileURLToPath(new URL("./baseline.py", import.meta.url));
  const run = await measuredRun(python, [script, input.file, join(folder, "python-table")]);
  const report: unknown = JSON.parse(run.stdout);
  const commitMs = isRecord(report) && Array.isArray(report["commitMs"])
    ? report["commitMs"].map(Number)
    : [];
  return benchResult("python", input, run, commitMs);
}

/** Python with deltalake and pyarrow, as scripts/readers installs it; null without. */
function pythonPath(): string | null {
  const cache = process.env["CDCDELTA_CACHE"] ?? join(homedir(), ".cache", "cdcdelta");
  const python = join(cache, "venv", "bin", "python");
  return existsSync(python) ? python : null;
}

function logLines(text: string): unknown[] {
  return text.split("\n").filter((line) => line.startsWith("{")).map((line): unknown =>
    JSON.parse(line)
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function numberIn(record: unknown, name: string): number {
  const value = isRecord(record) ? record[name] : undefined;
  if (typeof value !== "number") throw new Error(`No number "${name}" in the output of cdcdelta`);
  return value;
}

function textIn(record: unknown, name: string): string {
  const value = isRecord(record) ? record[name] : undefined;
  return typeof value === "string" ? value : "";
}

function readOptions(folder: string): BenchOptions & { readonly json: string | null } {
  const { values } = parseArgs({
    options: {
      events: { type: "string", default: "1000000" },
      "baseline-events": { type: "string", default: "200000" },
      kcat: { type: "boolean", default: false },
      binary: { type: "string", default: join(root, "dist", "cdcdelta") },
      workers: { type: "string" },
      memory: { type: "string" },
      json: { type: "string" },
    },
  });
  const { workers, memory } = values;
  return {
    events: Number(values.events),
    baselineEvents: Number(values["baseline-events"]),
    kcat: values.kcat,
    binary: values.binary,
    folder,
    flags: [
      ...(workers === undefined ? [] : ["--workers", workers]),
      ...(memory === undefined ? [] : ["--memory", memory]),
    ],
    json: values.json ?? null,
  };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "cdcdelta-bench-"));
  try {
    const options = readOptions(folder);
    const results = await bench(options);
    process.stdout.write(`${benchText(results)}\n`);
    if (options.json !== null) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) await main();
