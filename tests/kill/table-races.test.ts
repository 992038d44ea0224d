import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { rowsOfBatch } from "../../src/delta/columns/column-value.ts";
import type { Engine } from "../../src/delta/engine.ts";
import { readCommit } from "../../src/delta/log/log-reader.ts";
import { loadSnapshot, openVersion, type Snapshot } from "../../src/delta/log/snapshot.ts";
import { scanFile } from "../../src/delta/operations/scan.ts";
import { openStore } from "../../src/delta/storage/open-store.ts";
import { type SeededRandom, seededRandom } from "../simulation/seeded-random.ts";
import { signal } from "../support/delta-table.ts";
import { type Minio, minioBinary, minioMissing, startMinio } from "../support/minio.ts";
import { requirement } from "../support/requirement.ts";
import { isBinaryBuilt } from "../support/run-binary.ts";
import { lintLake } from "./lake.ts";
import { eventsOfPiece, pieces, type Race, runAgain, runSink } from "./race-actors.ts";

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const canRun = [requirement(existsSync(minioBinary()), minioMissing), isBinaryBuilt()];
const topics = ["left", "right"];
const everyEvent = topics.flatMap((topic) =>
  Array.from({ length: pieces * eventsOfPiece }, (_, n) => `${topic} ${n} ${topic} ${n} ${n}`)
).sort();

describe.skipIf(canRun.includes(false))(`processes that race on one table (SEED=${seed})`, () => {
  let minio: Minio | null = null;
  const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-races-"));

  beforeAll(async () => {
    minio = await startMinio();
  }, 60_000);

  afterAll(async () => {
    await minio?.stop();
    rmSync(folder, { recursive: true });
  });

  test.each([["alone", false], ["beside restores", true]])(
    "two sinks and all that looks after a table, %s",
    async (_, restores) => {
      if (minio === null) throw new Error("MinIO did not start");
      const bucket = `races-${crypto.randomUUID().slice(0, 8)}`;
      await minio.makeBucket(bucket);
      const { endpoint, accessKey, secretKey } = minio;
      const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
      const s3 = { endpoint, credentials };
      const store = openStore(`s3://${bucket}/shop/c`, { s3 });
      const clock = { nowMs: () => Date.now(), sleep: () => Promise.resolve() };
      const engine = { store, clock, random: seededRandom(seed) };
      const env = {
        MINIO_ENDPOINT: endpoint,
        MINIO_ACCESS_KEY: accessKey,
        MINIO_SECRET_KEY: secretKey,
      };
      const race = await runRace({ bucket, env, folder, engine, restores });
      try {
        expect(race.failures).toEqual([]);
        expect(race.ends.get("optimize")?.done).toBeGreaterThan(0);
        expect(race.ends.get("run")?.killed).toBeGreaterThan(2);
        const lake = openStore(`s3://${bucket}`, { s3 });
        expect(await lintLake(lake)).toEqual([]);
        lake.close();
        await expectModel(engine, restores);
      } finally {
        store.close();
      }
    },
    150_000,
  );
});

async function runRace(
  { bucket, env, folder, engine, restores }: {
    readonly bucket: string;
    readonly env: Race["env"];
    readonly folder: string;
    readonly engine: Engine;
    readonly restores: boolean;
  },
): Promise<Race> {
  const over = new AbortController();
  const table = `s3://${bucket}/shop/c`;
  const race: Race = {
    random: seededRandom(seed),
    env,
    basePath: `s3://${bucket}`,
    table,
    over: over.signal,
    running: new Map(),
    failures: [],
    ends: new Map(),
  };
  try {
    const sinks = Promise.all(
      topics.map((topic) => runSink(race, path.join(folder, `${bucket}-${topic}.ndjson`), topic)),
    );
    await untilThere(engine);
    const keepers = [
      optimizing(table),
      vacuumingOrCheckpointing(table),
      ...(restores ? [restoring(table, engine)] : []),
    ].map((command) => runAgain(race, command));
    await sinks;
    over.abort();
    await Promise.all(keepers);
  } finally {
    over.abort();
    for (const child of race.running.values()) child.kill("SIGKILL");
  }
  return race;
}

type Command = (random: SeededRandom) => Promise<readonly string[]>;

function optimizing(table: string): Command {
  return (random) =>
    Promise.resolve(["optimize", table, ...(random.chance(0.5) ? ["--z-order", "n,_id"] : [])]);
}

function vacuumingOrCheckpointing(table: string): Command {
  const commands = [["vacuum", table], ["vacuum", table, "--mode", "lite"], ["checkpoint", table]];
  return (random) => Promise.resolve(random.pick(commands));
}

function restoring(table: string, engine: Engine): Command {
  return async (random) => {
    const { version } = (await openVersion(engine, { signal })).state;
    const target = Math.max(0, version - 1 - random.int(8));
    return ["restore", table, "--version", String(target), "--yes"];
  };
}

/** Waits for the first commit, for as long as a slow machine needs. */
async function untilThere(engine: Engine): Promise<void> {
  const deadlineMs = Date.now() + 30_000;
  while (await readCommit(engine, 0, { signal, files: false }) === null) {
    if (Date.now() > deadlineMs) throw new Error("no sink made the table within 30 s");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Each version must have the rows that follow from the commits up to it. */
async function expectModel(engine: Engine, restores: boolean): Promise<void> {
  const rowsByFile = new Map<string, readonly string[]>();
  const versions: (readonly string[])[] = [];
  const appended: string[] = [];
  let restored = 0;
  for (let version = 0;; version++) {
    const actions = await readCommit(engine, version, { signal, files: true });
    if (actions === null) break;
    const snapshot = await loadSnapshot(engine, { signal, at: { kind: "version", version } });
    const found = await rowsOfFiles(engine, snapshot, snapshot.files, rowsByFile);
    const info = actions.find((action) => action.kind === "commitInfo")?.commitInfo ?? {};
    let wanted = versions[version - 1] ?? [];
    if (info["operation"] === "STREAMING UPDATE") {
      const paths = new Set(
        actions.flatMap((action) => action.kind === "add" ? [action.add.path] : []),
      );
      const added = snapshot.files.filter((file) => paths.has(file.path));
      const rows = await rowsOfFiles(engine, snapshot, added, rowsByFile);
      appended.push(...rows);
      wanted = [...wanted, ...rows].sort();
    } else if (info["operation"] === "RESTORE") {
      const parameters = info["operationParameters"] as Readonly<Record<string, unknown>>;
      wanted = versions[Number(parameters["version"])] ?? [];
      restored++;
    }
    if (found.join("\n") !== wanted.join("\n")) {
      const operation = String(info["operation"]);
      throw new Error(
        `version ${version} (${operation}) has ${found.length} rows, not ${wanted.length}`,
      );
    }
    expect(new Set(found).size).toBe(found.length);
    versions.push(found);
  }
  // Whatever restores took out again: each event was written by exactly one commit.
  expect(appended.sort()).toEqual(everyEvent);
  expect(versions.length).toBeGreaterThan(30);
  if (restores) expect(restored).toBeGreaterThan(0);
  else expect(versions.at(-1)).toEqual(everyEvent);
}

/** Sorted texts of the rows of some of a version's files. */
async function rowsOfFiles(
  engine: Engine,
  snapshot: Snapshot,
  files: Snapshot["files"],
  cache: Map<string, readonly string[]>,
): Promise<string[]> {
  const columns = ["_id", "n", "_kafka_topic", "_kafka_offset"];
  const all: string[] = [];
  for (const add of files) {
    let rows = cache.get(add.path);
    if (rows === undefined) {
      const read: string[] = [];
      for await (const batch of scanFile(engine, snapshot, add, { signal })) {
        for (const row of rowsOfBatch(batch, snapshot.schema)) {
          const [id, n, topic, offset] = columns.map((name) => String(row[name]));
          read.push(`${topic} ${offset} ${id} ${n}`);
        }
      }
      rows = read;
      cache.set(add.path, rows);
    }
    all.push(...rows);
  }
  return all.sort();
}
