import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { firstDifference } from "../support/compare-rows.ts";
import { type Minio, minioBinary, minioMissing, startMinio } from "../support/minio.ts";
import { availableReaders, type Reader, type ReaderResult, readWith } from "../support/readers.ts";
import { requirement } from "../support/requirement.ts";
import { afterGrowth, cdcdelta, firstEvents, laterEvents, project } from "./cli-tables.ts";

const local: readonly Reader[] = ["delta-rs", "duckdb", "polars", "spark"];
const remote: readonly Reader[] = ["delta-rs", "duckdb"];
const present = availableReaders(local);
const withMinio = requirement(existsSync(minioBinary()), minioMissing);
const lake = mkdtempSync(path.join(tmpdir(), "cdcdelta-interop-cli-"));
const bucket = "interop";

const first = firstEvents();
const later = laterEvents();
const grown = [...afterGrowth(first.map(({ row }) => row)), ...later.map(({ row }) => row)];

/** Readers that do not know Delta's typeWidening; that they refuse is right. */
const refuseWidening: readonly Reader[] = ["delta-rs", "polars"];

/** Runs over a file, then over the same file grown, then once more: the last run adds nothing. */
function fill(basePath: string, flags: readonly string[], env: Record<string, string> = {}): void {
  const events = path.join(mkdtempSync(path.join(lake, "input-")), "events.ndjson");
  const text = (lines: readonly { readonly line: string }[]): string =>
    lines.map(({ line }) => `${line}\n`).join("");
  const args = ["run", "--source", events, "--base-path", basePath, "--partition-by", "region"];
  writeFileSync(events, text(first));
  cdcdelta([...args, ...flags], env);
  writeFileSync(events, text([...first, ...later]));
  cdcdelta([...args, ...flags], env);
  cdcdelta([...args, ...flags], env);
}

function differenceOf(result: ReaderResult | undefined): string | null {
  if (result === undefined) return "not read";
  if (result.kind === "error") return result.message;
  return firstDifference(grown, project(result.rows, grown[0] ?? {}), "_id");
}

afterAll(() => rmSync(lake, { recursive: true, force: true }));

describe("tables of cdcdelta run in a folder", () => {
  const rewritten = path.join(lake, "rewrite");
  const widened = path.join(lake, "feature");
  const tables = [rewritten, widened].map((base) => path.join(base, "shop", "orders"));

  beforeAll(() => {
    fill(rewritten, ["--widen", "rewrite", "--property", "delta.checkpointInterval=1"]);
    fill(widened, ["--widen", "feature", "--workers", "0"]);
  }, 240_000);

  test("a checkpoint was written on the way", () => {
    const log = readdirSync(path.join(rewritten, "shop", "orders", "_delta_log"));
    expect(log.filter((name) => name.endsWith(".checkpoint.parquet"))).not.toEqual([]);
  });

  describe.each([...local])("%s", (reader) => {
    let results: ReadonlyMap<string, ReaderResult> = new Map();

    beforeAll(async () => {
      if (present.includes(reader)) results = await readWith(reader, tables);
    }, 600_000);

    test.skipIf(!present.includes(reader))("reads a column widened by rewriting", () => {
      expect(differenceOf(results.get(tables[0] ?? ""))).toBeNull();
    });

    test.skipIf(!present.includes(reader))("reads or refuses a column widened in the log", () => {
      const difference = differenceOf(results.get(tables[1] ?? ""));
      if (refuseWidening.includes(reader)) expect(difference).toMatch(/typeWidening/i);
      else expect(difference).toBeNull();
    });
  });
});

describe.skipIf(!withMinio)("tables of cdcdelta run in a MinIO bucket", () => {
  let minio: Minio | null = null;
  const table = `s3://${bucket}/lake/shop/orders`;
  const env = (): Record<string, string> => ({
    AWS_ENDPOINT_URL: minio?.endpoint ?? "",
    AWS_ACCESS_KEY_ID: minio?.accessKey ?? "",
    AWS_SECRET_ACCESS_KEY: minio?.secretKey ?? "",
    AWS_REGION: "us-east-1",
  });

  beforeAll(async () => {
    minio = await startMinio();
    await minio?.makeBucket(bucket);
    fill(`s3://${bucket}/lake`, [], env());
  }, 240_000);

  afterAll(async () => {
    await minio?.stop();
  });

  test.skipIf(!present.includes("delta-rs")).each([...remote])("%s reads them", async (reader) => {
    const results = await readWith(reader, [table], { env: env() });
    expect(differenceOf(results.get(table))).toBeNull();
  }, 120_000);
});
