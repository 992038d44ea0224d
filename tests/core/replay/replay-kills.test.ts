import { expect, test } from "bun:test";
import process from "node:process";
import { encodeMark, parseMark } from "../../../src/core/source/kafka/floor-mark.ts";
import { CdcDeltaError } from "../../../src/errors.ts";
import {
  allRows,
  type Asked,
  createWorld,
  groupId,
  newLife,
  produce,
  replaySame,
  type ReplayWorld,
  run,
  runMeanwhile,
  topic,
} from "./replay-world.ts";

const asked: Asked & { readonly keys: readonly string[] } = {
  keys: ["shop.orders"],
  from: { kind: "offsets", offsets: [{ topic, partition: 0, offset: 5n }] },
};

/** A partition, and one that comes later; three versions. */
async function fedWorld(): Promise<ReplayWorld> {
  const world = createWorld();
  for (const [index, count] of [4, 3, 3].entries()) {
    produce(world, 0, count);
    if (index > 0) produce(world, 1, 2);
    await run(world);
  }
  return world;
}

/**
 * Marks that name no table, as if other tables had taken all the room: what a table lost is read
 * again only because the floors went down.
 */
function forgetTables(world: ReplayWorld): ReplayWorld {
  for (const partition of [0, 1]) {
    const { offset, metadata } = world.cluster.committed(groupId, topic, partition)!;
    const mark = { ...parseMark(metadata)!, tables: [] };
    world.cluster.commit(groupId, { topic, partition }, offset, encodeMark(mark));
  }
  return world;
}

/** Every request of a replay, the first ones of which only look. */
async function stepsOfReplay(world: ReplayWorld, keys = asked.keys): Promise<readonly string[]> {
  const life = newLife("replay");
  await replaySame(world, { ...asked, keys }, life);
  return life.steps;
}

const everyRequest = process.env["CDCDELTA_REQUIRE_ALL"] === "1";
const writes = /^(put|putIfAbsent|delete|kafka (commitOffsets|join|sync|leave))/;

test.each([
  ["one table", ["shop.orders"]],
  ["two tables", ["shop.orders", "shop.returns"]],
])("%s, killed at and after every write: a run makes them what they were", async (_name, keys) => {
  const steps = await stepsOfReplay(forgetTables(await fedWorld()), keys);
  expect(steps.filter((name) => writes.test(name)).length).toBeGreaterThan(6);
  const expected = await allRows(await fedWorld());
  // Between two writes nothing changes: whoever dies there leaves what the first of them left, so
  // that only CI tries them all.
  const deaths = steps.flatMap((name, index) => {
    const step = index + 1;
    if (writes.test(name)) return [{ step, happens: false }, { step, happens: true }];
    return everyRequest || index === 0 || writes.test(steps[index - 1]!)
      ? [{ step, happens: false }]
      : [];
  });
  for (const dieAt of deaths) {
    const world = forgetTables(await fedWorld());
    const life = newLife("replay", dieAt);
    const ended = await replaySame(world, { ...asked, keys }, life);
    const name = `step ${dieAt.step}, ${life.died} ${dieAt.happens}`;
    expect({ name, ended }).toEqual({ name, ended: false });
    await run(world);
    expect({ name, rows: await allRows(world) }).toEqual({ name, rows: expected });
  }
}, 600_000);

test("a sink that runs in between at any request is fenced off, or harmless", async () => {
  const steps = await stepsOfReplay(await fedWorld());
  const first = steps.indexOf("kafka describe") + 1;
  const last = steps.findIndex((name) => name.startsWith("putIfAbsent")) + 2;
  const withMore = await fedWorld();
  const less = await allRows(withMore);
  produce(withMore, 0, 2);
  await run(withMore);
  const more = await allRows(withMore);
  let refused = 0;
  for (let at = first; at <= last; at++) {
    for (const news of [false, true]) {
      const world = await fedWorld();
      const life = newLife("replay");
      life.before = (step) => {
        if (step !== at) return null;
        if (news) produce(world, 0, 2);
        return runMeanwhile(world, "rival");
      };
      const error = await replaySame(world, asked, life).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      if (error !== null) {
        expect(error).toBeInstanceOf(CdcDeltaError);
        expect((error as CdcDeltaError).code).toBe("conflict");
        refused += 1;
      }
      await run(world);
      const name = `step ${at}, ${steps[at - 1]}, news ${news}`;
      expect({ name, rows: await allRows(world) }).toEqual({ name, rows: news ? more : less });
    }
  }
  expect(refused).toBeGreaterThan(0);
}, 120_000);

test("marks without room for the tables: a sink in between, then killed anywhere", async () => {
  const calm = newLife("replay");
  const first = await fedWorld();
  await replaySame(forgetTables(first), asked, calm);
  const start = calm.steps.indexOf("kafka describe") + 1;
  const rewound = calm.steps.findIndex((name) => name.startsWith("putIfAbsent")) + 1;
  const expected = await allRows(await fedWorld());
  const outcomes = new Set<string>();
  for (let at = start; at <= rewound + 2; at++) {
    // Null: nobody dies, and the sink is refused or fences the replay off.
    for (const dies of [null, rewound, rewound + 1, rewound + 2]) {
      if (dies !== null && dies < at) continue;
      const world = forgetTables(await fedWorld());
      const life = newLife("replay", dies === null ? null : { step: dies, happens: true });
      life.before = (step) => {
        if (step !== at) return null;
        return runMeanwhile(world, "rival").then(() => forgetTables(world));
      };
      const ended = await replaySame(world, asked, life).catch((error: unknown) => {
        expect(error).toHaveProperty("code", "conflict");
        return "refused";
      });
      outcomes.add(String(ended));
      await run(forgetTables(world));
      const name = `step ${at}, ${calm.steps[at - 1]}, dies at ${dies}: ${ended}`;
      expect({ name, rows: await allRows(world) }).toEqual({ name, rows: expected });
    }
  }
  expect([...outcomes].sort()).toEqual(["false", "refused", "true"]);
}, 120_000);
