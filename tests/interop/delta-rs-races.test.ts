import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { cli } from "../cli/fake-world.ts";
import { type Minio, minioBinary, minioMissing, startMinio } from "../support/minio.ts";
import { availableReaders, pythonOf, readWith } from "../support/readers.ts";
import { requirement } from "../support/requirement.ts";

const present = availableReaders(["delta-rs", "duckdb"]).length === 2;
const withMinio = requirement(existsSync(minioBinary()), minioMissing);
const bucket = "races";

/** A commit as delta-rs's history has it. */
type Commit = {
  readonly version: number;
  readonly operation: string;
  readonly batch: string | null;
  readonly parameters: Readonly<Record<string, unknown>>;
};

/** delta-rs at work on a table; `end` makes it stop and tells all commits of the table. */
async function startWriter(table: string, env: Readonly<Record<string, string>>) {
  const script = path.join(import.meta.dir, "delta-rs-writer.py");
  const child = spawn(pythonOf("delta-rs"), [script, table], { env: { ...process.env, ...env } });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => stderr += chunk);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  const closed = once(child, "close");
  await Promise.race([once(reader, "line"), closed]);
  if (lines.length === 0) throw new Error(`delta-rs did not begin:\n${stderr}`);
  return {
    async end(): Promise<readonly Commit[]> {
      child.stdin.end();
      const [code] = await closed as [number];
      if (code !== 0) throw new Error(`delta-rs failed:\n${stderr}`);
      return lines.slice(1).map((line) => JSON.parse(line) as Commit);
    },
  };
}

/** The ids that a table has after these commits; `restores` says where each restore went back to. */
function idsAfter(
  commits: readonly Commit[],
  restores: ReadonlyMap<number, number>,
): ReadonlySet<number> {
  let ids: ReadonlySet<number> = new Set();
  const versions = new Map<number, ReadonlySet<number>>();
  for (const { version, operation, batch } of commits) {
    const first = 10 * Number(batch);
    if (operation === "WRITE") {
      ids = new Set([
        ...ids,
        ...Array.from({ length: 10 }, (_, i) => first + i),
      ]);
    }
    if (operation === "DELETE") {
      ids = new Set([...ids].filter((id) => id !== first && id !== first + 1));
    }
    if (operation === "RESTORE") ids = versions.get(restores.get(version) ?? -1) ?? new Set();
    versions.set(version, ids);
  }
  return ids;
}

describe.skipIf(!present || !withMinio)("a table in MinIO that delta-rs writes to", () => {
  let minio: Minio | null = null;
  let env: Readonly<Record<string, string>> = {};

  beforeAll(async () => {
    minio = await startMinio();
    await minio?.makeBucket(bucket);
    env = {
      AWS_ENDPOINT_URL: minio?.endpoint ?? "",
      AWS_ACCESS_KEY_ID: minio?.accessKey ?? "",
      AWS_SECRET_ACCESS_KEY: minio?.secretKey ?? "",
      AWS_REGION: "us-east-1",
    };
  }, 60_000);

  afterAll(async () => {
    await minio?.stop();
  });

  test("keeps every row while we look after it", async () => {
    const table = `s3://${bucket}/beside`;
    const run = async (command: string, ...flags: string[]): Promise<Record<string, unknown>> => {
      const { code, stdout, stderr } = await cli(
        [command, table, "--format", "json", ...flags],
        { env },
      );
      if (code !== 0) throw new Error(`${command} ${flags.join(" ")}: ${stderr}`);
      return JSON.parse(stdout) as Record<string, unknown>;
    };
    const restores = new Map<number, number>();
    const versionNow = async (): Promise<number> => (await run("inspect"))["version"] as number;
    const writer = await startWriter(table, env);
    let last = await versionNow();
    for (let round = 0; round < 4; round++) {
      // The writer gets its turns however fast we are.
      let before = await versionNow();
      for (const endMs = Date.now() + 60_000; before < last + 4 && Date.now() < endMs;) {
        await Bun.sleep(100);
        before = await versionNow();
      }
      await run("optimize");
      await run("optimize", "--z-order", "id,s");
      const restored = await run("restore", "--version", String(before), "--yes");
      if (restored["restoredVersion"] !== null) {
        restores.set(restored["restoredVersion"] as number, before);
      }
      await run("checkpoint");
      await run("optimize", "--sort-by", "s");
      await run(
        "vacuum",
        "--retention",
        "0",
        "--force",
        ...(round % 2 === 0 ? [] : [
          "--mode",
          "lite",
        ]),
      );
      last = await versionNow();
    }
    const commits = await writer.end();
    const counts = Map.groupBy(commits, ({ operation }) => operation);
    expect(counts.get("RESTORE")?.length).toBe(restores.size);
    expect(restores.size).toBe(4);
    expect(counts.get("WRITE")?.length).toBeGreaterThan(8);
    const wanted = [...idsAfter(commits, restores)].sort((a, b) => a - b);
    for (const reader of ["delta-rs", "duckdb"] as const) {
      const result = (await readWith(reader, [table], { env })).get(table);
      if (result?.kind !== "rows") throw new Error(`${reader}: ${result?.message}`);
      const ids = result.rows.map((row) => Number(String(row["id"]).slice(2)));
      expect(ids.sort((a, b) => a - b)).toEqual(wanted);
      expect(result.rows.every(({ id, s }) => s === `s:text ${String(id).slice(2)}`)).toBe(true);
    }
    const rows = await cli(["inspect", table, "--rows", "all", "--format", "ndjson"], { env });
    const ids = rows.stdout.trim().split("\n").map((line) =>
      (JSON.parse(line) as {
        readonly id: number;
      }).id
    );
    expect(ids.sort((a, b) => a - b)).toEqual(wanted);
    // delta-rs goes on after us.
    const again = await startWriter(table, env);
    await run("optimize");
    expect((await again.end()).length).toBeGreaterThan(commits.length);
  }, 240_000);
});
