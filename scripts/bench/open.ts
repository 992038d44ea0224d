/**
 * Measures how tables are opened, beside delta-rs in the same run:
 *
 *     bun scripts/bench/open.ts [--points 10,1000,10000,100000,files] [--minio] [--json FILE]
 *
 * A number is so many commits without a checkpoint, each with one file; `files` are 300,000 files in
 * a checkpoint, with statistics of forty columns; `spread` are 1,000,000 files over 100,000 commits,
 * of twenty columns like all others. Short logs are opened nine times by each in turn, and the median
 * counts. Ours: `state`, what a streaming writer needs, and `files`, all files gone through;
 * delta-rs: `DeltaTable(uri)`, which holds them. Every process is measured from its start to its
 * end.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { aligned } from "./bench-report.ts";
import { benchStack, uploadFolder } from "./bench-stack.ts";
import { type MadeLog, makeCheckpoint, makeCommits } from "./make-logs.ts";
import { measuredRun } from "./measured-run.ts";

type Opened = {
  readonly point: string;
  readonly who: "cdcdelta state" | "cdcdelta files" | "delta-rs";
  /** Of the whole process. */
  readonly seconds: number;
  /** Without the start of the process. */
  readonly openSeconds: number;
  readonly peakRssBytes: number | null;
};

const deltaRs = `
import json, sys, time, deltalake
start = time.perf_counter()
table = deltalake.DeltaTable(sys.argv[1])
files = len(table.file_uris())
seconds = time.perf_counter() - start
print(json.dumps({"version": table.version(), "files": files, "seconds": seconds}))
`;

function makeLog(point: string, folder: string): MadeLog {
  if (point === "files") return makeCheckpoint(folder, { files: 300_000, rowGroupRows: 5_000 });
  if (point === "spread") return makeCommits(folder, { commits: 100_000, filesEach: 10 });
  const commits = Number(point);
  if (!Number.isSafeInteger(commits) || commits < 1) throw new Error(`No such point: ${point}`);
  return makeCommits(folder, { commits, filesEach: 1 });
}

async function open(
  who: Opened["who"],
  table: { readonly point: string; readonly uri: string; readonly made: MadeLog },
  env: NodeJS.ProcessEnv,
): Promise<Opened | null> {
  const python = pythonPath();
  if (who === "delta-rs" && python === null) return null;
  const run = who === "delta-rs"
    ? await measuredRun(python ?? "", ["-c", deltaRs, table.uri], env)
    : await measuredRun(compiled(), [table.uri, who.split(" ")[1] ?? ""], env);
  const report = JSON.parse(run.stdout) as { readonly files: number; readonly seconds: number };
  const { made, point } = table;
  if (who !== "cdcdelta state" && report.files !== made.files) {
    throw new Error(`${who} found ${report.files} of ${made.files} files`);
  }
  const { seconds, peakRssBytes } = run;
  return { point, who, seconds, openSeconds: report.seconds, peakRssBytes };
}

/** Opening a short log takes hundredths of a second: one run says little. */
const repeatedFilesMax = 1000;
const repeats = 9;

/** The median run of each, in the order in which they first ran. */
function medians(runs: readonly Opened[]): Opened[] {
  return [...Map.groupBy(runs, ({ who }) => who).values()].flatMap((same) =>
    same.toSorted((a, b) => a.seconds - b.seconds).slice(Math.floor((same.length - 1) / 2))
      .slice(0, 1)
  );
}

function report(results: readonly Opened[]): string {
  const rows = results.map((result) => {
    const rival = results.find(({ point, who }) => point === result.point && who === "delta-rs");
    return [
      result.point,
      result.who,
      result.seconds.toFixed(2),
      result.openSeconds.toFixed(3),
      result.peakRssBytes === null ? "-" : `${Math.round(result.peakRssBytes / 2 ** 20)} MiB`,
      rival === undefined ? "-" : `${(rival.seconds / result.seconds).toFixed(1)}x`,
    ];
  });
  return aligned([["point", "who", "s", "open s", "peak RSS", "faster"], ...rows]).join("\n");
}

/** open-one.ts compiled as `npm run build` compiles the command line: what users start is no script. */
function compiled(): string {
  const outfile = join(folder, "open-one");
  if (existsSync(outfile)) return outfile;
  const script = fileURLToPath(new URL("./open-one.ts", import.meta.url));
  const options = ["--compile", "--minify", "--bytecode", "--format=esm"];
  const gc = "--compile-exec-argv=--expose-gc";
  const { status, stderr } = spawnSync(
    process.execPath,
    ["build", ...options, gc, script, "--outfile", outfile],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`open-one.ts cannot be compiled: ${stderr}`);
  return outfile;
}

/** Python with deltalake, as scripts/readers installs it; null without. */
function pythonPath(): string | null {
  const cache = process.env["CDCDELTA_CACHE"] ?? join(homedir(), ".cache", "cdcdelta");
  const python = join(cache, "venv", "bin", "python");
  return existsSync(python) ? python : null;
}

const { values } = parseArgs({
  options: {
    points: { type: "string", default: "10,1000,10000,100000,files" },
    minio: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const folder = mkdtempSync(join(tmpdir(), "cdcdelta-open-"));
const stack = values.minio ? await benchStack(folder, ["minio"]) : null;
try {
  const results: Opened[] = [];
  for (const point of values.points.split(",")) {
    const local = join(folder, point);
    const made = makeLog(point, local);
    const uri = stack === null ? local : `s3://${stack.bucket}/${point}`;
    if (stack !== null) await uploadFolder(stack, local, point);
    const points: Opened[] = [];
    for (let run = 0; run < (made.files <= repeatedFilesMax ? repeats : 1); run++) {
      for (const who of ["cdcdelta state", "cdcdelta files", "delta-rs"] as const) {
        const opened = await open(who, { point, uri, made }, stack?.env ?? {});
        if (opened === null) continue;
        points.push(opened);
        console.error(`${point}: ${who} took ${opened.seconds.toFixed(2)} s`);
      }
    }
    results.push(...medians(points));
  }
  console.log(report(results));
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(results, null, 2));
} finally {
  await stack?.down();
  rmSync(folder, { recursive: true, force: true });
}
