import { describe, expect, test } from "bun:test";
import type { CommitInfo, Protocol } from "../../../src/delta/log/actions.ts";
import { parseCommit } from "../../../src/delta/log/action-json.ts";
import { commit } from "../../../src/delta/log/committer.ts";
import { commitKey } from "../../../src/delta/log/log-path.ts";
import { rowTrackingDomain } from "../../../src/delta/log/row-ids.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { loadTableState, type TableState } from "../../../src/delta/log/table-state.ts";
import type { TransactionDraft } from "../../../src/delta/log/transaction.ts";
import {
  addFile,
  appendDraft,
  creationDraft,
  mustCommit,
  newTable,
  removeFile,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";

const listing = (...features: string[]): Protocol => ({
  minReaderVersion: 1,
  minWriterVersion: 7,
  writerFeatures: ["appendOnly", "invariants", ...features],
});
const withTimestamps = { "delta.enableInCommitTimestamps": "true" };

async function infoOf(engine: TestEngine, version: number): Promise<CommitInfo> {
  const bytes = await engine.store.get(commitKey(version), { signal });
  const [first] = parseCommit(bytes, { source: "x" });
  return first?.kind === "commitInfo" ? first.commitInfo : {};
}

async function timestampedTable(engine: TestEngine): Promise<TableState> {
  const draft = { ...creationDraft("first", {}), protocol: listing("inCommitTimestamp") };
  const metadata = { ...draft.metadata!, configuration: withTimestamps };
  return await mustCommit(engine, null, { ...draft, metadata });
}

describe("in-commit timestamps", () => {
  test("are the first member of each commitInfo, from the table's first version on", async () => {
    const engine = testEngine();
    const base = await timestampedTable(engine);
    engine.nowMs += 5000;
    await mustCommit(engine, base, appendDraft("a"));
    for (const [version, timestamp] of [[0, 1_700_000_000_000], [1, 1_700_000_005_000]] as const) {
      const info = await infoOf(engine, version);
      expect(Object.keys(info)[0]).toBe("inCommitTimestamp");
      expect(info["inCommitTimestamp"]).toBe(timestamp);
    }
    const { properties } = (await loadTableState(engine, { signal }))!;
    expect(properties.inCommitTimestamps).toEqual({
      enablementVersion: 0,
      enablementTimestampMs: null,
    });
  });

  test("rise although the clock does not", async () => {
    const engine = testEngine();
    const base = await timestampedTable(engine);
    engine.nowMs -= 60_000;
    const next = await mustCommit(engine, base, appendDraft("a"));
    await mustCommit(engine, next, appendDraft("b"));
    expect((await infoOf(engine, 1))["inCommitTimestamp"]).toBe(1_700_000_000_001);
    expect((await infoOf(engine, 2))["inCommitTimestamp"]).toBe(1_700_000_000_002);
  });

  test("follow each winner of a race", async () => {
    const engine = testEngine();
    const base = await timestampedTable(engine);
    const ahead: TestEngine = {
      ...engine,
      clock: { ...engine.clock, nowMs: () => engine.nowMs + 3_600_000 },
    };
    await mustCommit(ahead, base, appendDraft("winner"));
    await mustCommit(engine, base, appendDraft("loser"));
    const winner = Number((await infoOf(engine, 1))["inCommitTimestamp"]);
    expect((await infoOf(engine, 2))["inCommitTimestamp"]).toBe(winner + 1);
  });

  test("switched on later, tell since when: after the file of the commit before", async () => {
    const engine = testEngine();
    const base = await newTable(engine);
    const protocol = listing("inCommitTimestamp");
    const metadata = { ...base.metadata, configuration: withTimestamps };
    engine.nowMs -= 60_000;
    const state = await mustCommit(engine, base, {
      operation: "SET TBLPROPERTIES",
      operationParameters: {},
      reads: { kind: "blind-append" },
      dataChange: false,
      protocol,
      metadata,
    });
    const timestampMs = 1_700_000_000_001;
    expect(await infoOf(engine, 1)).toMatchObject({ inCommitTimestamp: timestampMs });
    expect(state.properties.inCommitTimestamps).toEqual({
      enablementVersion: 1,
      enablementTimestampMs: timestampMs,
    });
    expect((await loadSnapshot(engine, { signal })).timestampMs).toBe(timestampMs);
  });

  test("have no force without the feature", async () => {
    const engine = testEngine();
    const base = await newTable(engine);
    const metadata = { ...base.metadata, configuration: withTimestamps };
    await mustCommit(engine, base, { ...appendDraft("a"), metadata });
    expect(Object.keys(await infoOf(engine, 1))).not.toContain("inCommitTimestamp");
  });

  test("a commit does not follow a version whose file is gone", async () => {
    const engine = testEngine();
    const base = await timestampedTable(engine);
    const next = await mustCommit(engine, base, appendDraft("a"));
    await engine.store.put(
      `${commitKey(1).slice(0, -5)}.checkpoint.parquet`,
      [new Uint8Array(1)],
      { signal },
    );
    await engine.store.delete([commitKey(1)], { signal });
    await expect(commit(engine, next, appendDraft("b"), { signal })).rejects.toThrow(
      "version 1, which the next one has to follow, is gone",
    );
  });
});

const counted = (path: string, rows: number): TransactionDraft => ({
  ...appendDraft(path),
  adds: [addFile(path, { stats: `{"numRecords":${rows}}` })],
});

async function trackedTable(engine: TestEngine): Promise<TableState> {
  const { metadata } = creationDraft("first");
  const protocol = listing("rowTracking", "domainMetadata");
  return await mustCommit(engine, null, { ...counted("first", 10), metadata: metadata!, protocol });
}

describe("row tracking", () => {
  test("numbers the rows of each commit above those before", async () => {
    const engine = testEngine();
    const base = await trackedTable(engine);
    const state = await mustCommit(engine, base, counted("a", 5));
    const { files } = await loadSnapshot(engine, { signal });
    expect(files.map((f) => [f.path, f.baseRowId, f.defaultRowCommitVersion])).toEqual([
      ["first", 0n, 0n],
      ["a", 10n, 1n],
    ]);
    expect(state.domainMetadata.get(rowTrackingDomain)?.configuration).toBe(
      `{"rowIdHighWaterMark":14}`,
    );
  });

  test("numbers them anew after a lost race, which is no conflict", async () => {
    const engine = testEngine();
    const base = await trackedTable(engine);
    await mustCommit(engine, base, counted("winner", 3));
    await mustCommit(engine, base, counted("loser", 4));
    const snapshot = await loadSnapshot(engine, { signal });
    const ids = snapshot.files.map((f) => [f.path, f.baseRowId, f.defaultRowCommitVersion]);
    expect(ids.slice(1)).toEqual([["winner", 10n, 1n], ["loser", 13n, 2n]]);
    expect(snapshot.domainMetadata.get(rowTrackingDomain)?.configuration).toBe(
      `{"rowIdHighWaterMark":16}`,
    );
  });

  test("a draft cannot move the mark back", async () => {
    const engine = testEngine();
    const base = await trackedTable(engine);
    const domain = { domain: rowTrackingDomain, configuration: "{}", removed: true };
    const state = await mustCommit(engine, base, {
      operation: "RESTORE",
      operationParameters: {},
      reads: { kind: "whole-table" },
      dataChange: true,
      removes: [removeFile("first")],
      domainMetadata: [domain],
    });
    expect(state.domainMetadata.get(rowTrackingDomain)?.configuration).toBe(
      `{"rowIdHighWaterMark":9}`,
    );
  });
});
