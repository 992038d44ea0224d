import { spawn } from "node:child_process";
import { homedir } from "node:os";
import path from "node:path";
import process from "node:process";
import type { NormalRow } from "./normal-form.ts";
import { projectRoot } from "./project-root.ts";

/** Engines that answer queries again and again. */
export type QueryReader = "delta-rs" | "duckdb";

/** One Python process that keeps its engines loaded: a query takes milliseconds. */
export type TableQueries = {
  /** Rows of a query over the table, which is named `t` in it. Throws what the engine says. */
  query(reader: QueryReader, table: string, sql: string): Promise<readonly NormalRow[]>;
  stop(): Promise<void>;
};

type Line = { readonly error?: string; readonly row?: NormalRow; readonly end?: number };

type Waiting = {
  readonly what: string;
  readonly resolve: (rows: readonly NormalRow[]) => void;
  readonly reject: (error: Error) => void;
};

/** Starts the process; `env` has what S3 needs (`AWS_ENDPOINT_URL` and the like). */
export function startTableQueries(env: Readonly<Record<string, string>>): TableQueries {
  const cache = process.env["CDCDELTA_CACHE"] ?? path.join(homedir(), ".cache", "cdcdelta");
  const python = path.join(cache, "venv", "bin", "python3");
  const script = path.join(projectRoot, "scripts", "readers", "query_tables.py");
  const child = spawn(python, [script], { env: { ...process.env, ...env } });
  const waiting: Waiting[] = [];
  let rows: NormalRow[] = [];
  let rest = "";
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    errors = (errors + chunk).slice(-4000);
  });
  child.stdin.on("error", () => {});
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const text of lines) take(JSON.parse(text) as Line);
  });
  const ended = new Promise<void>((resolve) =>
    child.on("close", () => {
      for (const { what, reject } of waiting.splice(0)) {
        reject(new Error(`the readers ended while they read ${what}:\n${errors}`));
      }
      resolve();
    })
  );
  function take(line: Line): void {
    if (line.row !== undefined) rows.push(line.row);
    else if (line.error !== undefined) {
      const failed = waiting.shift();
      failed?.reject(new Error(`${failed.what}: ${line.error}`));
    } else if (line.end !== undefined) {
      waiting.shift()?.resolve(rows);
      rows = [];
    }
  }
  return {
    query: (reader, table, query) =>
      new Promise((resolve, reject) => {
        waiting.push({ what: `${table} with ${reader}`, resolve, reject });
        child.stdin.write(`${JSON.stringify({ reader, table, query })}\n`);
      }),
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
