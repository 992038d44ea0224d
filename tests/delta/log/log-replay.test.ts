import { describe, expect, test } from "bun:test";
import type { Action } from "../../../src/delta/log/actions.ts";
import { canonicalPath, objectKeyOf } from "../../../src/delta/log/file-key.ts";
import { emptyState, isTombstoneLive, replayState } from "../../../src/delta/log/log-replay.ts";

const uri = "s3://bucket/table";
describe("canonicalPath", () => {
  const cases: readonly (readonly [string, string, string | null])[] = [
    ["part-0.parquet", uri, "part-0.parquet"],
    ["p=a%20b/x", uri, "p=a b/x"],
    ["p=a%2520b/x", uri, "p=a%20b/x"],
    ["p=1+1/x", uri, "p=1+1/x"],
    ["p=12:30/x", uri, "p=12:30/x"],
    ["s3://bucket/table/x", uri, "x"],
    ["s3a://bucket/table/a%20b", uri, "a b"],
    ["s3://bucket/table2/x", uri, null],
    ["s3://other/x", uri, null],
    ["/data/t/a%20b", "/data/t", "a b"],
    ["file:/data/t/x", "/data/t/", "x"],
    ["file:///data/t/x", "/data/t", "x"],
    ["/elsewhere/x", "/data/t", null],
  ];
  for (const [path, root, key] of cases) {
    test(`${path} in ${root}: ${key ?? "outside"}`, () => {
      expect(objectKeyOf(path, root)).toBe(key);
      if (key !== null) expect(canonicalPath(path, root)).toBe(key);
    });
  }
  test("the spellings of one absolute path outside of the table are one", () => {
    const spellings = ["/some%20where/x", "file:/some%20where/x", "file:///some where/x"];
    expect(new Set(spellings.map((path) => canonicalPath(path, uri))).size).toBe(1);
  });
});

describe("replayState", () => {
  const txn = (appId: string, version: bigint): Action => ({
    kind: "txn",
    txn: { appId, version },
  });
  const domain = (name: string, configuration: string, removed = false): Action => ({
    kind: "domainMetadata",
    domainMetadata: { domain: name, configuration, removed },
  });

  test("the newest txn of an appId wins, not the highest", () => {
    const state = replayState(emptyState, [[txn("a", 9n), txn("b", 1n)], [txn("a", 3n)]]);
    expect([...state.transactions.values()].map((t) => t.version)).toEqual([3n, 1n]);
  });

  test("a removed domain is gone", () => {
    const state = replayState(emptyState, [[domain("a", "1"), domain("b", "2")], [
      domain("a", "1", true),
    ]]);
    expect([...state.domainMetadata.keys()]).toEqual(["b"]);
  });

  test("leaves the state it starts from as it was", () => {
    const start = replayState(emptyState, [[txn("a", 1n)]]);
    replayState(start, [[txn("a", 2n)]]);
    expect(start.transactions.get("a")?.version).toBe(1n);
    expect(emptyState.transactions.size).toBe(0);
  });
});

test("a tombstone lives as long as the retention; one without a time has expired", () => {
  const time = { nowMs: 1000, retentionMs: 100 };
  const lives = (deletionTimestamp?: number): boolean =>
    isTombstoneLive(
      {
        path: "p",
        dataChange: true,
        ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      },
      time,
    );
  expect([lives(901), lives(900), lives(899), lives()]).toEqual([true, false, false, false]);
});
