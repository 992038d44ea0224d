import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { firstDifference } from "../support/compare-rows.ts";
import { type Minio, minioBinary, minioMissing, startMinio } from "../support/minio.ts";
import type { NormalRow } from "../support/normal-form.ts";
import { availableReaders, type Reader, type ReaderResult, readWith } from "../support/readers.ts";
import { requirement } from "../support/requirement.ts";
import { afterGrowth, cdcdelta, firstEvents, laterEvents, project } from "./cli-tables.ts";

const local: readonly Reader[] = ["delta-rs", "duckdb", "polars", "spark"];
const remote: readonly Reader[] = ["delta-rs", "duckdb"];
const present = availableReaders(local);
const withMinio = requirement(existsSync(minioBinary()), minioMissing);
const lake = mkdtempSync(path.join(tmpdir(), "cdcdelta-interop-operations-"));
const bucket = "interop";

const first = firstEvents();
const later = laterEvents();
const before = first.map(({ row }) => row);
const grown = [...afterGrowth(before), ...later.map(({ row }) => row)];

type Env = Readonly<Record<string, string>>;

/** Fills a table by two runs, the second of which widens a column; the version after the first. */
function fill(basePath: string, env: Env = {}): number {
  const events = path.join(mkdtempSync(path.join(lake, "input-")), "events.ndjson");
  const text = (lines: readonly { readonly line: string }[]): string =>
    lines.map(({ line }) => `${line}\n`).join("");
  const args = ["run", "--source", events, "--base-path", basePath, "--partition-by", "region"];
  writeFileSync(events, text(first));
  cdcdelta(args, env);
  const facts = cdcdelta(["inspect", `${basePath}/shop/orders`, "--format", "json"], env);
  writeFileSync(events, text([...first, ...later]));
  cdcdelta(args, env);
  return (JSON.parse(facts) as { version: number }).version;
}

/** What is done to a table, and the rows that it must have then. */
const stages: Readonly<
  Record<string, {
    readonly rows: readonly NormalRow[];
    readonly steps: (version: number) => readonly (readonly string[])[];
  }>
> = {
  optimized: { rows: grown, steps: () => [["optimize"]] },
  "Z-ordered": {
    rows: grown,
    steps: () => [["optimize", "--z-order", "_id,_kafka_offset"], ["optimize"], ["checkpoint"]],
  },
  sorted: { rows: grown, steps: () => [["optimize", "--sort-by", "_id", "--target-size", "1MiB"]] },
  checkpointed: { rows: grown, steps: () => [["optimize"], ["checkpoint"]] },
  vacuumed: {
    rows: grown,
    steps: () => [["optimize"], ["vacuum", "--retention", "0", "--force"], ["checkpoint"]],
  },
  restored: {
    rows: before,
    steps: (version) => [
      ["optimize"],
      ["restore", "--version", String(version), "--yes"],
      ["optimize"],
    ],
  },
};

function work(table: string, stage: string, version: number, env: Env = {}): void {
  for (const [command = "", ...flags] of stages[stage]?.steps(version) ?? []) {
    cdcdelta([command, table, ...flags], env);
  }
}

function differenceOf(stage: string, result: ReaderResult | undefined): string | null {
  if (result === undefined) return "not read";
  if (result.kind === "error") return result.message;
  const wanted = [...stages[stage]?.rows ?? []];
  return firstDifference(wanted, project(result.rows, wanted[0] ?? {}), "_id");
}

afterAll(() => rmSync(lake, { recursive: true, force: true }));

describe("tables in a folder, after our operations", () => {
  const tableOf = (stage: string): string => path.join(lake, stage, "shop", "orders");

  beforeAll(() => {
    const base = path.join(lake, "filled");
    const version = fill(base);
    for (const stage of Object.keys(stages)) {
      cpSync(base, path.join(lake, stage), { recursive: true });
      work(tableOf(stage), stage, version);
    }
  }, 240_000);

  describe.each([...local])("%s", (reader) => {
    let results: ReadonlyMap<string, ReaderResult> = new Map();

    beforeAll(async () => {
      if (present.includes(reader)) {
        results = await readWith(reader, Object.keys(stages).map(tableOf));
      }
    }, 600_000);

    test.skipIf(!present.includes(reader)).each(Object.keys(stages))("reads it %s", (stage) => {
      expect(differenceOf(stage, results.get(tableOf(stage)))).toBeNull();
    });
  });
});

describe.skipIf(!withMinio)("tables in a MinIO bucket, after our operations", () => {
  let minio: Minio | null = null;
  const tableOf = (stage: string): string => `s3://${bucket}/${stage}/shop/orders`;
  const env = (): Record<string, string> => ({
    AWS_ENDPOINT_URL: minio?.endpoint ?? "",
    AWS_ACCESS_KEY_ID: minio?.accessKey ?? "",
    AWS_SECRET_ACCESS_KEY: minio?.secretKey ?? "",
    AWS_REGION: "us-east-1",
  });
  const tried = ["vacuumed", "restored"];

  beforeAll(async () => {
    minio = await startMinio();
    await minio?.makeBucket(bucket);
    for (const stage of tried) {
      const version = fill(`s3://${bucket}/${stage}`, env());
      work(tableOf(stage), stage, version, env());
    }
  }, 240_000);

  afterAll(async () => {
    await minio?.stop();
  });

  test.skipIf(!present.includes("delta-rs")).each([...remote])("%s reads them", async (reader) => {
    const results = await readWith(reader, tried.map(tableOf), { env: env() });
    const differences = tried.map((stage) => differenceOf(stage, results.get(tableOf(stage))));
    expect(differences).toEqual([null, null]);
  }, 120_000);
});
