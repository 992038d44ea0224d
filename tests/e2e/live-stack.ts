import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { type PartName, partsOf, stack } from "../stack/stack-command.ts";
import { availableReaders } from "../support/readers.ts";
import { requirement } from "../support/requirement.ts";
import { isBinaryBuilt } from "../support/run-binary.ts";

/** The servers that the end-to-end tests share. */
export type LiveStack = {
  readonly data: string;
  readonly urls: Readonly<Record<PartName, string>>;
  /** How cdcdelta is told of MinIO. */
  readonly storeEnv: Readonly<Record<string, string>>;
  /** How delta-rs and DuckDB are told of it. */
  readonly readerEnv: Readonly<Record<string, string>>;
  /** `restart`, `freeze`, `thaw` of one part; more arguments such as `--grace 0`. */
  change(command: "restart" | "freeze" | "thaw", part: PartName, ...args: string[]): Promise<void>;
};

/** Names the folder of a stack that runs already; the first test that needs one starts it. */
const variable = "CDCDELTA_E2E_STACK";

/** Whether the suites can run here; says what is missing when not. */
export async function isLiveStackPossible(): Promise<boolean> {
  const missing = (await stack(["missing"])).stdout.trim().replaceAll("\n", "; ");
  const possible = requirement(missing === "", `the stack cannot start: ${missing}`);
  return possible && isBinaryBuilt() && availableReaders(["delta-rs", "duckdb"]).length === 2;
}

/**
 * All parts, started once for all suites of a test run, and stopped when that has ended. Set
 * `CDCDELTA_E2E_STACK` to the data folder of a running stack to use that one.
 */
export async function liveStack(): Promise<LiveStack> {
  const running = process.env[variable];
  const data = running ?? mkdtempSync(path.join(tmpdir(), "cdcdelta-e2e-"));
  const args = ["--ports", "auto", "--heap", "kafka=384m,connect=512m"];
  const answer = running === undefined
    ? await stack([
      "up",
      ...args,
      "--while-pid",
      String(process.pid),
      "--wipe",
      "--data",
      data,
      "--format",
      "json",
    ])
    : await stack(["status", "--data", data, "--format", "json"]);
  const parts = partsOf(answer);
  // Test files do not share modules, but they share the process.
  process.env[variable] = data;
  const url = (name: PartName): string => {
    const part = parts.get(name);
    if (part?.state !== "ready") throw new Error(`${name} is not ready:\n${answer.stderr}`);
    return part.url;
  };
  const urls = {
    mongodb: url("mongodb"),
    kafka: url("kafka"),
    connect: url("connect"),
    minio: url("minio"),
  };
  const { minio } = JSON.parse(answer.stdout) as {
    readonly minio: { readonly accessKey: string; readonly secretKey: string };
  };
  return {
    data,
    urls,
    storeEnv: {
      MINIO_ENDPOINT: urls.minio,
      MINIO_ACCESS_KEY: minio.accessKey,
      MINIO_SECRET_KEY: minio.secretKey,
    },
    readerEnv: {
      AWS_ENDPOINT_URL: urls.minio,
      AWS_ACCESS_KEY_ID: minio.accessKey,
      AWS_SECRET_ACCESS_KEY: minio.secretKey,
      AWS_REGION: "us-east-1",
    },
    async change(command, part, ...more) {
      const { status, stderr } = await stack([command, "--only", part, "--data", data, ...more]);
      if (status !== 0) throw new Error(`${command} ${part}: ${stderr}`);
    },
  };
}
