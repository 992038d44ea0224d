import { spawn } from "node:child_process";
import { homedir } from "node:os";
import path from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import type { NormalRow } from "./normal-form.ts";
import { projectRoot } from "./project-root.ts";

/** A Spark that runs one statement after the other. */
export type SparkSession = {
  /** The rows of a statement, columns in order. Throws what Spark says. */
  readonly sql: (statement: string) => Promise<readonly (readonly unknown[])[]>;
  /** The same in normal form. */
  readonly normal: (statement: string) => Promise<readonly NormalRow[]>;
  readonly close: () => Promise<void>;
};

type Answer = { readonly rows?: readonly unknown[]; readonly error?: string };

/** Starts Spark, which takes about 15 s; `availableReaders(["spark"])` tells whether it is there. */
export async function startSpark(): Promise<SparkSession> {
  const cache = process.env["CDCDELTA_CACHE"] ?? path.join(homedir(), ".cache", "cdcdelta");
  const child = spawn(
    path.join(cache, "venv-spark", "bin", "python3"),
    [path.join(projectRoot, "scripts", "readers", "spark_session.py")],
    { env: { ...process.env, SPARK_JARS_FOLDER: path.join(cache, "spark-jars") } },
  );
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => stderr += chunk);
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<readonly unknown[]> => {
    const line = await lines.next();
    if (line.done === true) throw new Error(`Spark ended: ${stderr.slice(-2000)}`);
    const { rows, error } = JSON.parse(line.value) as Answer;
    if (rows === undefined) throw new Error(error?.split("\n\tat ")[0]);
    return rows;
  };
  await answer();
  const ask = async (request: unknown): Promise<readonly unknown[]> => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    return await answer();
  };
  return {
    sql: async (statement) => await ask(statement) as readonly (readonly unknown[])[],
    normal: async (statement) => await ask({ normal: statement }) as readonly NormalRow[],
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
