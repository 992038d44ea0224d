import { describe, expect, test } from "bun:test";
import {
  allRows,
  createWorld,
  produce,
  readTable,
  replaySame,
  type ReplayWorld,
  run,
  topic,
} from "./replay-world.ts";

/** A pipeline with some versions: the same in every call. */
async function fedWorld(): Promise<ReplayWorld> {
  const world = createWorld();
  for (const count of [6, 5, 7, 4]) {
    produce(world, 0, count);
    produce(world, 1, count - 2);
    await run(world);
  }
  return world;
}

describe("replay --into same", () => {
  test("from a version: the table is what it was", async () => {
    const world = await fedWorld();
    const before = await allRows(world);
    const table = await readTable(world, "shop.orders");
    expect(table.snapshot.version).toBeGreaterThan(2);
    expect(
      await replaySame(world, { from: { kind: "version", version: 1 }, keys: ["shop.orders"] }),
    )
      .toBe(true);
    expect(await allRows(world)).toEqual(before);
    const after = await readTable(world, "shop.orders");
    expect(after.watermarks).toEqual(table.watermarks);
    expect(after.snapshot.version).toBeGreaterThan(table.snapshot.version + 1);
    void topic;
  });
});
