import { describe, expect, test } from "bun:test";
import type { CdcDeltaError } from "../../../src/errors.ts";
import {
  allRows,
  createWorld,
  engineOf,
  groupId,
  never,
  newLife,
  owner,
  plan,
  produce,
  readTable,
  replaySame,
  type ReplayWorld,
  rewind,
  run,
  settle,
  topic,
} from "./replay-world.ts";
import { countReread } from "../../../src/core/replay/reread-count.ts";
import { optimize } from "../../../src/delta/operations/optimize.ts";
import { watermarkAppId } from "../../../src/core/position/app-id.ts";

const timeMs = Date.UTC(2026, 0, 31);

/** A pipeline with some versions: the same in every call. */
async function fedWorld(): Promise<ReplayWorld> {
  const world = createWorld();
  for (const [index, count] of [6, 5, 7, 4].entries()) {
    produce(world, 0, count, timeMs + index * 1_000_000);
    // The second partition is there only after the first versions.
    if (index > 0) produce(world, 1, count - 2, timeMs + index * 1_000_000);
    await run(world);
  }
  return world;
}

const orders = { keys: ["shop.orders"] };
const offsets = (partition: number, offset: bigint) =>
  ({ kind: "offsets", offsets: [{ topic, partition, offset }] }) as const;

describe("replay --into same", () => {
  const froms = [
    ["a version", { kind: "version", version: 1 }],
    ["an offset", offsets(0, 8n)],
    ["an offset in the first version", offsets(0, 0n)],
    ["a time", { kind: "timestamp", timestampMs: timeMs + 2_000_000 }],
    ["a time before everything", { kind: "timestamp", timestampMs: 1 }],
  ] as const;
  test.each(froms)("from %s: the table is what it was", async (_name, from) => {
    const world = await fedWorld();
    const before = await allRows(world);
    const table = await readTable(world, "shop.orders");
    expect(await replaySame(world, { ...orders, from })).toBe(true);
    expect(await allRows(world)).toEqual(before);
    const after = await readTable(world, "shop.orders");
    expect(after.watermarks).toEqual(table.watermarks);
    expect(after.snapshot.version).toBeGreaterThan(table.snapshot.version + 1);
  });

  test("a compaction since is undone with the rest", async () => {
    const world = await fedWorld();
    const before = await allRows(world);
    const engine = engineOf(world, "shop/orders");
    const rules = { targetBytes: 1 << 20, where: () => true, predicate: [], signal: never };
    expect((await optimize(engine, rules)).removedFiles).toBeGreaterThan(1);
    const planned = await plan(world, { ...orders, from: offsets(0, 12n) });
    const [{ replay }] = planned.tables as [typeof planned.tables[number]];
    expect(replay.refusals).toEqual([]);
    expect(replay.returning.files).toBeGreaterThan(0);
    // Rows that come back are not among those that leave.
    expect(replay.partitions.reduce((sum, { rows }) => sum + rows, 0))
      .toBeLessThan(before["shop.orders"]!.length);
    expect(await replaySame(world, { ...orders, from: offsets(0, 12n) })).toBe(true);
    expect(await allRows(world)).toEqual(before);
  });

  test("a version that a vacuum took is refused, with what would leave the table", async () => {
    const world = await fedWorld();
    const asked = { ...orders, from: offsets(0, 12n) };
    const engine = engineOf(world, "shop/orders");
    const rules = { targetBytes: 1 << 20, where: () => true, predicate: [], signal: never };
    await optimize(engine, rules);
    const [possible] = (await plan(world, asked)).tables;
    const live = new Set(
      (await readTable(world, "shop.orders")).snapshot.files.map(({ path }) => path),
    );
    for await (const { key } of engine.store.list("", { signal: never })) {
      if (key.startsWith("_delta_log/") || live.has(key)) continue;
      await engine.store.delete([key], { signal: never });
    }
    const [refused] = (await plan(world, asked)).tables;
    expect(refused!.replay.refusals).toEqual([expect.stringContaining("deleted by a vacuum")]);
    const { refusals: _, ...facts } = possible!.replay;
    expect(refused!.replay).toMatchObject(facts);
    expect(facts.partitions.reduce((sum, { rows }) => sum + rows, 0)).toBeGreaterThan(0);
  });

  test.each([
    ["all of them", 0],
    ["fewer, where compaction took some away", 1],
  ])("tells how many rows it read again: %s", async (_name, gone) => {
    const world = await fedWorld();
    const planned = await plan(world, { ...orders, from: offsets(0, 12n) });
    const [{ replay }] = planned.tables as [typeof planned.tables[number]];
    const rows = replay.partitions.reduce((sum, one) => sum + one.rows, 0);
    let rewoundAs = 0;
    const life = newLife("replay");
    await settle(
      world,
      life,
      rewind(world, planned, life, (step) => {
        if (step.kind === "table-rewound") rewoundAs = step.version;
      }),
    );
    // The newest record stays, as in a real log.
    world.cluster.log(topic, 0).entries.splice(-2, gone);
    await run(world);
    const engine = engineOf(world, "shop/orders");
    const again = await countReread(engine, replay, rewoundAs, { signal: never });
    if (gone === 0) expect(again).toBe(rows);
    else expect(again).toBeLessThan(rows);
  });

  test("takes all tables that the range touches", async () => {
    const world = await fedWorld();
    const before = await allRows(world);
    const planned = await plan(world, { from: offsets(0, 12n) });
    expect(planned.tables.map(({ replay }) => replay.key)).toEqual(["shop.orders", "shop.returns"]);
    expect(await replaySame(world, { from: offsets(0, 12n) })).toBe(true);
    expect(await allRows(world)).toEqual(before);
  });

  test("what changed in the topic's past is not needed: a table beside is not touched", async () => {
    const world = await fedWorld();
    const returns = (await readTable(world, "shop.returns")).snapshot.version;
    await replaySame(world, { ...orders, from: offsets(0, 8n) });
    expect((await readTable(world, "shop.returns")).snapshot.version).toBe(returns);
  });

  test("a position that was not there yet is -1, and nobody misreads it", async () => {
    const world = await fedWorld();
    const before = await allRows(world);
    const life = newLife("replay");
    const planned = await plan(world, { ...orders, from: { kind: "version", version: 0 } }, life);
    expect(planned.tables[0]!.replay.partitions.map(({ becomes }) => becomes)).toContain(null);
    await settle(world, life, rewind(world, planned, life));
    const rewound = await readTable(world, "shop.orders");
    const identity = world.cluster.topics.get(topic)!.topicId;
    const appId = watermarkAppId(groupId, { topic, partition: 1, identity });
    expect(rewound.snapshot.transactions.get(appId)?.version).toBe(-1n);
    expect(rewound.watermarks.map(({ partition }) => partition)).toEqual([0]);
    await run(world);
    expect(await allRows(world)).toEqual(before);
  });

  test("a replay after one that was killed is told to run first", async () => {
    const world = await fedWorld();
    const life = newLife("replay");
    const asked = { from: { kind: "timestamp", timestampMs: 1 } } as const;
    await settle(world, life, rewind(world, await plan(world, asked), life));
    const error = await plan(world, { from: offsets(0, 8n) }).catch((thrown: unknown) => thrown);
    expect(error).toHaveProperty("code", "usage");
    expect(String(error)).toContain("cdcdelta run reads again first");
  });

  test("a position of -1 and no floor: the partition is read from its beginning", async () => {
    const world = await fedWorld();
    const before = await allRows(world);
    const life = newLife("replay");
    const planned = await plan(world, { ...orders, from: { kind: "version", version: 0 } }, life);
    await settle(world, life, rewind(world, planned, life));
    // As if the offsets had expired meanwhile.
    world.cluster.group(groupId).offsets.clear();
    await run(world);
    expect(await allRows(world)).toEqual(before);
  });

  test("says what it did in the table's history", async () => {
    const world = await fedWorld();
    const life = newLife("replay");
    const planned = await plan(world, { ...orders, from: { kind: "version", version: 1 } }, life);
    const steps: string[] = [];
    await settle(world, life, rewind(world, planned, life, ({ kind }) => steps.push(kind)));
    expect(steps).toEqual(["floors-lowered", "table-rewound"]);
    const { version } = (await readTable(world, "shop.orders")).snapshot;
    const key = `shop/orders/_delta_log/${String(version).padStart(20, "0")}.json`;
    const text = new TextDecoder().decode(
      await world.disk.get(key, { signal: new AbortController().signal }),
    );
    const { commitInfo } = JSON.parse(text.split("\n")[0]!) as {
      commitInfo: { operation: string; operationParameters: Record<string, unknown> };
    };
    expect(commitInfo.operation).toBe("RESTORE");
    expect(commitInfo.operationParameters["version"]).toBe(1);
    expect(commitInfo.operationParameters["replay"]).toBe(
      JSON.stringify({ pipeline: owner.pipelineId, from: "test" }),
    );
  });

  test("only ever lowers floors, and leaves those of others alone", async () => {
    const world = await fedWorld();
    world.cluster.createTopic("cdc.shop.other", 1);
    world.cluster.commit(groupId, { topic: "cdc.shop.other", partition: 0 }, 5n, "theirs");
    const life = newLife("replay");
    const before = [0, 1].map((one) => world.cluster.committed(groupId, topic, one)!.offset);
    const planned = await plan(world, { ...orders, from: offsets(0, 12n) }, life);
    await settle(world, life, rewind(world, planned, life));
    const after = [0, 1].map((one) => world.cluster.committed(groupId, topic, one)!.offset);
    for (const [index, offset] of after.entries()) expect(offset).toBeLessThan(before[index]!);
    expect(world.cluster.committed(groupId, "cdc.shop.other", 0)!.metadata).toBe("theirs");
  });
});

describe("a sink that is alive", () => {
  const refused = async (task: Promise<unknown>): Promise<CdcDeltaError> => {
    const error = await task.then(() => null, (thrown: unknown) => thrown);
    expect(error).toHaveProperty("code", "conflict");
    return error as CdcDeltaError;
  };

  test("is refused by name, and nothing was changed", async () => {
    const world = await fedWorld();
    const { version } = (await readTable(world, "shop.orders")).snapshot;
    const life = newLife("replay");
    const planned = await plan(world, { ...orders, from: offsets(0, 8n) }, life);
    const member = {
      memberId: "sink-1",
      metadata: new Uint8Array(0),
      sessionTimeoutMs: 45_000,
      rebalanceTimeoutMs: 60_000,
      seenMs: world.scheduler.nowMs(),
      assignment: new Uint8Array(0),
      answerJoin: null,
      answerSync: null,
    };
    world.cluster.group(groupId).members.set("sink-1", member);
    const error = await refused(settle(world, life, rewind(world, planned, life)));
    expect(error.message).toContain("sink-1");
    expect((await readTable(world, "shop.orders")).snapshot.version).toBe(version);
  });

  test("that wrote between the check and the commit is not overrun", async () => {
    const world = await fedWorld();
    const life = newLife("replay");
    const planned = await plan(world, { ...orders, from: offsets(0, 8n) }, life);
    produce(world, 0, 3);
    await run(world);
    const before = await allRows(world);
    const error = await refused(settle(world, life, rewind(world, planned, life)));
    expect(error.message).toContain("somebody committed version");
    expect(await allRows(world)).toEqual(before);
    await run(world);
    expect(await allRows(world)).toEqual(before);
  });
});
