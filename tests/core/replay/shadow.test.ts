import { describe, expect, test } from "bun:test";
import { compareTables } from "../../../src/core/replay/compare-tables.ts";
import { planShadow, type ShadowPlan } from "../../../src/core/replay/plan-shadow.ts";
import type { ReplayPoint } from "../../../src/core/replay/replay-range.ts";
import { goOnAt, loadShadow, shadowPipeline } from "../../../src/core/replay/shadow-table.ts";
import {
  createWorld,
  engineOf,
  groupId,
  type Life,
  never,
  newLife,
  produce,
  readTable,
  type ReplayWorld,
  run,
  runShadow,
  settle,
  topic,
} from "./replay-world.ts";

const key = "shop.orders";

async function fedWorld(): Promise<ReplayWorld> {
  const world = createWorld();
  for (const count of [6, 5, 7]) {
    produce(world, 0, count);
    produce(world, 1, count);
    await run(world);
  }
  return world;
}

async function planned(
  world: ReplayWorld,
  from: ReplayPoint,
  to: ReplayPoint | null = null,
): Promise<ShadowPlan> {
  const life = newLife("plan");
  const question = {
    client: world.cluster.client("plan"),
    groupId,
    pipelineId: groupId,
    table: { key, uri: "memory:/shop/orders", engine: engineOf(world, "shop/orders") },
    from,
    to,
    begun: null,
    signal: never,
  };
  return await settle(world, life, planShadow(question));
}

/** Reads into a shadow, going on where it is; false: the process died. */
async function shadow(world: ReplayWorld, plan: ShadowPlan, life: Life): Promise<boolean> {
  const origin = { pipelineId: groupId, key, from: "test" };
  const known = await loadShadow(engineOf(world, "check"), origin, { signal: never });
  const starts = plan.ranges.map((range) => ({ ...range, start: goOnAt(range, known, groupId) }));
  return await runShadow(world, plan, { key, origin, starts }, life);
}

const compare = (world: ReplayWorld, plan: ShadowPlan, offsetsMax = 5) =>
  compareTables(engineOf(world, "shop/orders"), engineOf(world, "check"), plan.ranges, {
    examplesMax: 3,
    offsetsMax,
    signal: never,
  });

const offsets = (...places: readonly (readonly [number, bigint])[]): ReplayPoint => ({
  kind: "offsets",
  offsets: places.map(([partition, offset]) => ({ topic, partition, offset })),
});

describe("replay --into another table", () => {
  test("has the rows of the range, and nothing of the group is touched", async () => {
    const world = await fedWorld();
    const before = JSON.stringify([...world.cluster.group(groupId).offsets.values()], bigints);
    const plan = await planned(world, offsets([0, 6n], [1, 4n]), offsets([0, 11n], [1, 18n]));
    expect(plan.refusals).toEqual([]);
    expect(plan.ranges.map(({ start, end }) => [start, end])).toEqual([[6n, 11n], [4n, 18n]]);
    expect(await shadow(world, plan, newLife("shadow"))).toBe(true);
    const after = JSON.stringify([...world.cluster.group(groupId).offsets.values()], bigints);
    expect(after).toBe(before);
    expect(await compare(world, plan)).toMatchObject({
      different: 0n,
      onlyTable: 0n,
      onlyShadow: 0n,
      doubled: 0n,
      examples: [],
    });
    const { same } = await compare(world, plan);
    expect(same).toBeGreaterThan(10n);
  });

  test("killed at every request it goes on, and has each row once", async () => {
    const reference = await fedWorld();
    const plan = await planned(reference, offsets([0, 6n], [1, 4n]));
    const life = newLife("shadow");
    await shadow(reference, plan, life);
    const expected = (await readTable(reference, "check")).rows;
    for (let step = 1; step <= life.steps.length; step++) {
      for (const happens of [false, true]) {
        const world = await fedWorld();
        const again = await planned(world, offsets([0, 6n], [1, 4n]));
        expect(await shadow(world, again, newLife("shadow", { step, happens }))).toBe(false);
        expect(await shadow(world, again, newLife("again"))).toBe(true);
        const name = `step ${step}, ${life.steps[step - 1]}`;
        const { rows } = await readTable(world, "check");
        expect({ name, rows }).toEqual({ name, rows: expected });
      }
    }
  }, 60_000);

  test("differences are told by record and column", async () => {
    const world = await fedWorld();
    const plan = await planned(world, offsets([0, 0n], [1, 0n]));
    await shadow(world, plan, newLife("shadow"));
    // The table is fed by other rules by now: one record is not there, one is another.
    const other = await fedWorld();
    const rows = (await readTable(other, key)).rows.length;
    expect(rows).toBeGreaterThan(3);
    produce(world, 0, 3);
    await run(world);
    const wider = await planned(world, offsets([0, 0n], [1, 0n]));
    const found = await compare(world, wider);
    expect(found.onlyTable).toBe(BigInt((await readTable(world, key)).rows.length - rows));
    expect(found.examples[0]).toMatchObject({ kind: "only-table", partition: 0 });
  });

  test("a shadow of another range, and a table of somebody's, are refused", async () => {
    const world = await fedWorld();
    const plan = await planned(world, offsets([0, 6n]));
    await shadow(world, plan, newLife("shadow"));
    const load = (folder: string, from: string): Promise<unknown> =>
      loadShadow(engineOf(world, folder), { pipelineId: groupId, key, from }, { signal: never })
        .catch((error: Error) => error.message);
    expect(await load("check", "elsewhere")).toContain("from test, not of shop.orders from");
    expect(await load("shop/orders", "test")).toContain("no replay has made");
    expect(await load("nothing", "test")).toBeNull();
    expect(shadowPipeline(groupId)).not.toBe(groupId);
  });

  test("what Kafka no longer has is refused with numbers", async () => {
    const world = await fedWorld();
    world.cluster.deleteRecords(topic, 0, 9n);
    const plan = await planned(world, offsets([0, 6n]));
    expect(plan.refusals.join()).toContain("begins at offset 9 by now, needed is 6 (3 fewer)");
    const missing = await planned(world, {
      kind: "offsets",
      offsets: [{ topic: "x", partition: 0, offset: 0n }],
    });
    expect(missing.refusals.join()).toContain('"x" does not feed');
  });
});

const bigints = (_: string, value: unknown): unknown =>
  typeof value === "bigint" ? String(value) : value;
