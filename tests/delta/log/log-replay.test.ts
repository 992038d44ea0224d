import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Action, DeletionVectorDescriptor } from "../../../src/delta/log/actions.ts";
import { canonicalPath, fileKey, objectKeyOf } from "../../../src/delta/log/file-key.ts";
import {
  emptyState,
  isSuperseded,
  isTombstoneLive,
  replayFiles,
  replayState,
} from "../../../src/delta/log/log-replay.ts";
import { addFile, removeFile } from "../../support/delta-table.ts";

const uri = "s3://bucket/table";
const add = (path: string, more = {}): Action => ({ kind: "add", add: addFile(path, more) });
const remove = (path: string, more = {}): Action => ({
  kind: "remove",
  remove: removeFile(path, more),
});
const vector = (id: string, offset?: number): DeletionVectorDescriptor => ({
  storageType: "u",
  pathOrInlineDv: id,
  sizeInBytes: 1,
  cardinality: 1n,
  ...(offset === undefined ? {} : { offset }),
});

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

describe("replayFiles", () => {
  const live = (...commits: Action[][]): string[] =>
    [...replayFiles(commits, uri).adds.values()].map((file) => file.path);

  test("the newest action of a file wins", () => {
    expect(live([add("a"), add("b")], [remove("a")])).toEqual(["b"]);
    expect(live([add("a")], [remove("a")], [add("a")])).toEqual(["a"]);
    expect(live([remove("a")], [add("a")])).toEqual(["a"]);
  });

  test("a file is known by its decoded path and its deletion vector", () => {
    expect(live([add("a%20b")], [remove("s3://bucket/table/a%20b")])).toEqual([]);
    const old = { deletionVector: vector("v1") };
    const next = { deletionVector: vector("v1", 1) };
    expect(live([add("a", old)], [remove("a")])).toEqual(["a"]);
    expect(live([add("a", old)], [remove("a", next)])).toEqual(["a"]);
    expect(live([add("a", old)], [remove("a", old)])).toEqual([]);
    expect(live([add("a")], [add("a", old), remove("a")])).toEqual(["a"]);
    expect(fileKey(addFile("a", old), uri)).not.toBe(fileKey(addFile("a"), uri));
  });

  test("replaying in two parts, the first one as a checkpoint, gives the same", () => {
    const names = fc.constantFrom("a", "b", "c", "d%20e", "/x", "file:/x");
    const action = fc.tuple(fc.boolean(), names).map(([isAdd, path]) =>
      isAdd ? add(path) : remove(path)
    );
    const commits = fc.array(fc.array(action, { maxLength: 4 }), { maxLength: 6 });
    fc.assert(fc.property(commits, fc.nat(6), (log, at) => {
      const whole = replayFiles(log, uri);
      const checkpoint = replayFiles(log.slice(0, at), uri);
      const later = replayFiles(log.slice(at), uri);
      const keys = (files: Iterable<{ path: string }>): string[] =>
        [...files].map((file) => fileKey(file, uri)).sort();
      const left = <T extends { path: string; dataChange: boolean }>(files: Iterable<T>): T[] =>
        [...files].filter((file) => !isSuperseded(later, file, uri));
      expect(keys([...left(checkpoint.adds.values()), ...later.adds.values()])).toEqual(
        keys(whole.adds.values()),
      );
      expect(keys([...left(checkpoint.removes.values()), ...later.removes.values()])).toEqual(
        keys(whole.removes.values()),
      );
    }));
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
