import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { writeCheckpoint } from "../../src/delta/log/checkpoint-writer.ts";
import {
  createWorld,
  engineOf,
  never,
  newLife,
  plan,
  produce,
  readTable,
  type ReplayWorld,
  rewind,
  run,
  settle,
  topic,
} from "../core/replay/replay-world.ts";
import { availableReaders, readWith } from "../support/readers.ts";

setDefaultTimeout(300_000);

const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-replayed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The table's objects as files. */
async function save(world: ReplayWorld, name: string): Promise<string> {
  const to = path.join(folder, name);
  for await (const { key } of world.disk.list("shop/orders/", { signal: never })) {
    const file = path.join(to, key.slice("shop/orders/".length));
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, await world.disk.get(key, { signal: never }));
  }
  return to;
}

test("other engines read a table that was taken back, positions of -1 and all", async () => {
  const world = createWorld();
  for (const [index, count] of [6, 5, 7].entries()) {
    produce(world, 0, count);
    if (index > 0) produce(world, 1, count);
    await run(world);
  }
  const life = newLife("replay");
  const from = { kind: "offsets", offsets: [{ topic, partition: 0, offset: 7n }] } as const;
  const planned = await plan(world, { keys: ["shop.orders"], from }, life);
  await settle(world, life, rewind(world, planned, life));
  const { rows, snapshot } = await readTable(world, "shop.orders");
  const versions = [...snapshot.transactions.values()].map(({ version }) => version);
  expect(versions).toContain(-1n);
  const plain = await save(world, "plain");
  await writeCheckpoint(engineOf(world, "shop/orders"), snapshot.version, { signal: never });
  const checkpointed = await save(world, "checkpointed");
  for (const reader of availableReaders(["delta-rs", "duckdb", "polars", "spark"])) {
    const results = await readWith(reader, [plain, checkpointed]);
    for (const table of [plain, checkpointed]) {
      const result = results.get(table)!;
      const read = result.kind === "rows" ? result.rows.length : result.message;
      expect([reader, path.basename(table), read])
        .toEqual([reader, path.basename(table), rows.length]);
    }
  }
});
