import { describe, expect, test } from "bun:test";
import { watermarkAppId } from "../../../src/core/position/app-id.ts";
import { findUndoneCommits } from "../../../src/core/replay/undone-commits.ts";
import { findVersionBefore } from "../../../src/core/replay/version-before.ts";
import { loadTableState } from "../../../src/delta/log/table-state.ts";
import { writeCheckpoint } from "../../../src/delta/log/checkpoint-writer.ts";
import type { Engine } from "../../../src/delta/engine.ts";
import { newLake, signal, tableEngine } from "../pump/pump-harness.ts";

const id = { topic: "t", partition: 0, identity: "ab" };
const appId = watermarkAppId("p", id);
const owner = { pipelineId: "p", adopt: false };

type Line = Readonly<Record<string, unknown>>;

const txn = (version: number): Line => ({ txn: { appId, version } });
const info = (operation: string): Line => ({ commitInfo: { operation } });
const file = (kind: "add" | "remove", dataChange: boolean): Line => ({
  [kind]: { path: "a", partitionValues: {}, size: 1, modificationTime: 1, dataChange },
});

async function log(commits: readonly (readonly Line[])[]): Promise<Engine> {
  const engine = tableEngine(newLake(), "shop.orders");
  const head = [
    { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
    {
      metaData: {
        id: "x",
        format: { provider: "parquet", options: {} },
        schemaString: '{"type":"struct","fields":[]}',
        partitionColumns: [],
        configuration: {},
      },
    },
  ];
  for (const [version, lines] of commits.entries()) {
    const text = [...version === 0 ? head : [], ...lines].map((one) => JSON.stringify(one));
    const key = `_delta_log/${String(version).padStart(20, "0")}.json`;
    await engine.store.put(key, [new TextEncoder().encode(text.join("\n"))], { signal });
  }
  return engine;
}

async function before(engine: Engine, start: bigint): Promise<number | string> {
  const newest = (await loadTableState(engine, { signal }))!;
  const starts = new Map([["0 #ab", start]]);
  const found = await findVersionBefore(engine, newest, { owner, starts, signal });
  return found.kind === "version" ? found.state.version : found.kind;
}

describe("findVersionBefore()", () => {
  test("is the last version without a row of the range, wherever it begins", async () => {
    const engine = await log(Array.from({ length: 23 }, (_, at) => [txn(at * 10 + 9)]));
    for (let start = 0; start < 229; start++) {
      const wanted = Math.floor(start / 10) - 1;
      expect([start, await before(engine, BigInt(start))])
        .toEqual([start, wanted < 0 ? "empty" : wanted]);
    }
  });

  test("versions without rows of the partition do not matter", async () => {
    const engine = await log([[txn(9)], [info("OPTIMIZE")], [info("OPTIMIZE")], [txn(19)], []]);
    expect(await before(engine, 10n)).toBe(2);
  });

  test("after an earlier replay it is one that has nothing of the range", async () => {
    const engine = await log([[txn(9)], [txn(19)], [txn(29)], [txn(9)], [txn(19)], [txn(39)]]);
    expect(await before(engine, 20n)).toBe(4);
    expect([0, 3]).toContain(Number(await before(engine, 10n)));
  });

  test("what the log no longer tells cannot be reached", async () => {
    const engine = await log([[txn(9)], [txn(19)], [txn(29)], [txn(39)]]);
    await writeCheckpoint(engine, 3, { signal });
    const old = [0, 1, 2].map((version) => `_delta_log/${String(version).padStart(20, "0")}.json`);
    await engine.store.delete(old, { signal });
    expect(await before(engine, 20n)).toBe("unreachable");
  });
});

describe("findUndoneCommits()", () => {
  test.each([
    ["a sink's rows", [txn(1), file("add", true), info("STREAMING UPDATE")], []],
    ["a compaction", [file("add", false), info("OPTIMIZE")], []],
    ["a restore", [file("remove", true), info("RESTORE")], []],
    ["properties", [info("SET TBLPROPERTIES")], []],
    ["a delete", [file("remove", true), info("DELETE")], [{ version: 1, operation: "DELETE" }]],
    ["rows of somebody", [file("add", true), info("WRITE")], [{ version: 1, operation: "WRITE" }]],
    ["no name", [file("add", true)], [{ version: 1, operation: "an unknown operation" }]],
  ])("%s", async (_name, lines, expected) => {
    const engine = await log([[txn(0)], lines]);
    expect(await findUndoneCommits(engine, { after: 0, to: 1, signal })).toEqual(expected);
  });
});
