import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import process from "node:process";
import type { NormalRow } from "./normal-form.ts";
import { projectRoot } from "./project-root.ts";
import { requirement } from "./requirement.ts";

/** Independent engines that read what we wrote. */
export type Reader = "delta-rs" | "duckdb" | "polars" | "pyarrow" | "spark";

/** What an engine made of one table. */
export type ReaderResult =
  | { readonly kind: "rows"; readonly version: string; readonly rows: readonly NormalRow[] }
  | { readonly kind: "error"; readonly message: string };

export type ReadOptions = {
  /** Added to the environment: AWS_ENDPOINT_URL and the like for tables on S3. */
  readonly env?: Readonly<Record<string, string>>;
};

const cache = process.env["CDCDELTA_CACHE"] ?? path.join(homedir(), ".cache", "cdcdelta");
const scripts = path.join(projectRoot, "scripts", "readers");

/** The Python that an engine is installed in. */
export function pythonOf(reader: Reader): string {
  return path.join(cache, reader === "spark" ? "venv-spark" : "venv", "bin", "python3");
}

/** The readers of this list that are installed; says once what is missing and how to get it. */
export function availableReaders(wanted: readonly Reader[]): Reader[] {
  return wanted.filter((reader) => {
    const spark = reader === "spark";
    const present = spark
      ? existsSync(path.join(cache, "venv-spark", ".ready")) &&
        existsSync(path.join(cache, "spark-jars", ".ready"))
      : existsSync(path.join(cache, "venv", ".ready"));
    const install = `scripts/readers/install.sh${spark ? " --spark" : ""}`;
    return requirement(present, `${reader} is not installed: ${install} installs it`);
  });
}

/**
 * Reads tables (folders, or `s3://` URIs but for Spark) with one engine, started once. Errors: when
 * the engine itself does not start; that it cannot read a table is a result.
 */
export async function readWith(
  reader: Reader,
  tables: readonly string[],
  options: ReadOptions = {},
): Promise<ReadonlyMap<string, ReaderResult>> {
  const spark = reader === "spark";
  const python = pythonOf(reader);
  const args = spark
    ? [path.join(scripts, "read_spark.py"), ...tables]
    : [path.join(scripts, "read_table.py"), "--reader", reader, ...tables];
  const { stdout, stderr } = await output(python, args, {
    ...options.env,
    SPARK_JARS_FOLDER: path.join(cache, "spark-jars"),
  });
  const results = parseResults(stdout);
  for (const table of tables) {
    if (!results.has(table)) {
      const message = stderr.trim().split("\n").slice(-8).join("\n");
      throw new Error(`${reader} ended before it had read ${table}:\n${message}`);
    }
  }
  return results;
}

/**
 * Runs a script with an engine's Python; it prints tables as `print_table` in
 * scripts/readers/normalise.py does. Errors: when it fails.
 */
export async function readByScript(
  reader: Reader,
  script: string,
  args: readonly string[],
): Promise<ReadonlyMap<string, ReaderResult>> {
  const python = pythonOf(reader);
  const env = { SPARK_JARS_FOLDER: path.join(cache, "spark-jars") };
  const { code, stdout, stderr } = await output(python, [script, ...args], env);
  if (code === 0) return parseResults(stdout);
  throw new Error(`${script} failed:\n${stderr.trim().split("\n").slice(-8).join("\n")}`);
}

type Line = {
  readonly table?: string;
  readonly version?: string;
  readonly error?: string;
  readonly row?: NormalRow;
  readonly end?: number;
};

function parseResults(stdout: string): Map<string, ReaderResult> {
  const results = new Map<string, ReaderResult>();
  let head: Line = {};
  let rows: NormalRow[] = [];
  for (const text of stdout.split("\n").filter((line) => line.startsWith("{"))) {
    const line = JSON.parse(text) as Line;
    if (line.error !== undefined) {
      results.set(line.table ?? "", { kind: "error", message: line.error });
    } else if (line.table !== undefined) {
      head = line;
      rows = [];
    } else if (line.row !== undefined) {
      rows.push(line.row);
    } else if (line.end === rows.length) {
      results.set(head.table ?? "", { kind: "rows", version: head.version ?? "", rows });
    }
  }
  return results;
}

function output(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...env } });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => stdout += chunk);
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => stderr += chunk);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}
