import { describe, expect, test } from "bun:test";
import { monotonicTimestamps } from "../../../src/delta/log/commit-timestamps.ts";
import { loadHistory } from "../../../src/delta/log/history.ts";
import { expiredLogFiles } from "../../../src/delta/log/log-cleanup.ts";
import { commitKey, logFolder, versionPrefix } from "../../../src/delta/log/log-path.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import type { ObjectMeta } from "../../../src/delta/storage/object-store.ts";
import {
  appendDraft,
  mustCommit,
  newTable,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";

const startMs = 1_700_000_000_000;

/** Versions 0 to 5, ten seconds apart. */
async function table(): Promise<TestEngine> {
  const engine = testEngine();
  let state = await newTable(engine);
  for (let i = 1; i <= 5; i++) {
    engine.nowMs += 10_000;
    state = await mustCommit(engine, state, appendDraft(`f${i}`));
  }
  return engine;
}

const versionAt = async (engine: TestEngine, timestampMs: number): Promise<number> =>
  (await loadSnapshot(engine, { at: { kind: "timestamp", timestampMs }, signal })).version;

describe("loadSnapshot of the past", () => {
  test("by version", async () => {
    const engine = await table();
    for (const version of [0, 3, 5]) {
      const snapshot = await loadSnapshot(engine, { at: { kind: "version", version }, signal });
      expect([snapshot.version, snapshot.files.length]).toEqual([version, version + 1]);
      expect(snapshot.timestampMs).toBe(startMs + version * 10_000);
    }
    const future = loadSnapshot(engine, { at: { kind: "version", version: 6 }, signal });
    await expect(future).rejects.toThrow("the versions there are range from 0 to 5");
  });

  test("by time: the newest version that is not later", async () => {
    const engine = await table();
    expect(await versionAt(engine, startMs)).toBe(0);
    expect(await versionAt(engine, startMs + 9_999)).toBe(0);
    expect(await versionAt(engine, startMs + 10_000)).toBe(1);
    expect(await versionAt(engine, startMs + 50_000)).toBe(5);
    await expect(versionAt(engine, startMs - 1)).rejects.toThrow(
      "as of 2023-11-14T22:13:19.999Z: the earliest version is 0, of 2023-11-14T22:13:20.000Z",
    );
    await expect(versionAt(engine, startMs + 50_001)).rejects.toThrow("the latest version is 5");
  });

  test("by the log's own timestamps from where a table has them", async () => {
    const engine = await table();
    const own = (version: number): number => startMs + 100_000 + version * 1000;
    for (const version of [3, 4, 5]) {
      const text = new TextDecoder().decode(await engine.store.get(commitKey(version), { signal }));
      const enabled = JSON.stringify({
        metaData: {
          id: "table-id",
          format: { provider: "parquet", options: {} },
          schemaString: `{"type":"struct","fields":[]}`,
          partitionColumns: [],
          configuration: {
            "delta.enableInCommitTimestamps": "true",
            "delta.inCommitTimestampEnablementVersion": "3",
            "delta.inCommitTimestampEnablementTimestamp": String(own(3)),
          },
        },
      });
      const changed =
        text.replace(`{"commitInfo":{`, `{"commitInfo":{"inCommitTimestamp":${own(version)},`) +
        (version === 3 ? `${enabled}\n` : "");
      await engine.store.put(commitKey(version), [new TextEncoder().encode(changed)], { signal });
    }
    expect(await versionAt(engine, startMs + 10_000)).toBe(1);
    expect(await versionAt(engine, own(3) - 1)).toBe(2);
    expect(await versionAt(engine, own(3))).toBe(3);
    expect(await versionAt(engine, own(4) + 500)).toBe(4);
    expect(await versionAt(engine, own(5))).toBe(5);
    await expect(versionAt(engine, own(5) + 1)).rejects.toThrow("the latest version is 5");
    const at = { kind: "version", version: 4 } as const;
    expect((await loadSnapshot(engine, { at, signal })).timestampMs).toBe(own(4));
    expect((await loadHistory(engine, { limit: 1, signal }))[0]?.timestamp).toBe(own(5));
  });
});

test("file times are made to ascend", () => {
  const commits = [50, 40, 40, 60, 60].map((modifiedMs, version) => ({
    version,
    meta: { key: "", size: 1, modifiedMs },
  }));
  expect(monotonicTimestamps(commits).map((c) => c.timestampMs)).toEqual([50, 51, 52, 60, 61]);
});

describe("loadHistory", () => {
  test("is newest first, with Spark's names, as far as it is asked for", async () => {
    const engine = await table();
    const history = await loadHistory(engine, { signal });
    expect(history.map((entry) => entry.version)).toEqual([5, 4, 3, 2, 1, 0]);
    expect(history[0]).toEqual({
      version: 5,
      timestamp: startMs + 50_000,
      userId: null,
      userName: null,
      operation: "STREAMING UPDATE",
      operationParameters: { outputMode: "Append" },
      job: null,
      notebook: null,
      clusterId: null,
      readVersion: 4,
      isolationLevel: "Serializable",
      isBlindAppend: true,
      operationMetrics: {},
      userMetadata: null,
      engineInfo: "cdcdelta/0.1.0",
    });
    expect(history.at(-1)?.readVersion).toBeNull();
    const newest = await loadHistory(engine, { limit: 2, signal });
    expect(newest.map((entry) => entry.version)).toEqual([5, 4]);
  });

  test("shows what is no text as its JSON, and takes commits without commitInfo", async () => {
    const engine = testEngine();
    const put = (version: number, text: string): Promise<void> =>
      engine.store.put(commitKey(version), [new TextEncoder().encode(text)], { signal });
    await put(
      0,
      `{"commitInfo":{"operation":"X","operationParameters":{"a":true,"b":[1],"c":null}}}\n`,
    );
    await put(1, `{"add":{"path":"p"}}\n`);
    const [second, first] = await loadHistory(engine, { signal });
    expect(first?.operationParameters).toEqual({ a: "true", b: "[1]", c: null });
    expect([second?.operation, second?.operationParameters]).toEqual([null, null]);
  });
});

describe("expiredLogFiles", () => {
  const dayMs = 86_400_000;
  const at = (version: number, day: number, kind = "json"): ObjectMeta => ({
    key: `${versionPrefix(version)}.${kind}`,
    size: 1,
    modifiedMs: day * dayMs + 1000,
  });
  const classic = "checkpoint.parquet";
  const log: readonly ObjectMeta[] = [
    ...Array.from({ length: 10 }, (_, day) => at(day, day)),
    at(2, 2, classic),
    at(4, 4, classic),
    at(4, 4, "crc"),
    at(8, 8, classic),
    { key: `${logFolder}_last_checkpoint`, size: 1, modifiedMs: 0 },
  ];
  const expired = (nowDay: number, retentionDays: number, files = log): string[] =>
    expiredLogFiles(files, { nowMs: nowDay * dayMs, retentionMs: retentionDays * dayMs })
      .map((key) => key.slice(logFolder.length).replace(/^0+(?=\d)/, "")).sort();

  test("deletes what is older than the newest checkpoint past the retention", () => {
    expect(expired(9.5, 3)).toEqual(
      ["0.json", "1.json", "2.checkpoint.parquet", "2.json", "3.json"],
    );
    expect(expired(20, 3)).toHaveLength(11);
  });

  test("deletes compactions that begin at or before that checkpoint", () => {
    const compactions = [[0, 3], [4, 5], [5, 7]].map(([from, to]) =>
      at(from!, 1, `${String(to).padStart(20, "0")}.compacted.json`)
    );
    const gone = expired(9.5, 3, [...log, ...compactions]).filter((name) => name.includes("comp"));
    expect(gone.map((name) => name[0])).toEqual(["0", "4"]);
  });

  test("cuts at midnight, and keeps all without such a checkpoint", () => {
    expect(expired(5.9, 1)).toEqual(["0.json", "1.json"]);
    expect(expired(3.5, 1)).toEqual([]);
    expect(expired(20, 3, log.filter((meta) => !meta.key.includes("checkpoint")))).toEqual([]);
  });

  test("keeps at least a day", () => {
    expect(expired(8.5, 0)).toEqual(expired(8.5, 1));
    expect(expired(8.5, 0)).not.toContain("8.json");
  });
});
