import { describe, expect, test } from "bun:test";
import { watermarkAppId } from "../../../src/core/position/app-id.ts";
import { heldPositions } from "../../../src/core/position/held-positions.ts";
import type { PartitionId } from "../../../src/core/encode/encode-job.ts";
import type { Engine } from "../../../src/delta/engine.ts";
import { type ObjectStore, subStore } from "../../../src/delta/storage/object-store.ts";
import { memoryStore } from "../../../src/delta/storage/memory-store.ts";

const { signal } = new AbortController();
const id = "a".repeat(32);
const earlier = "b".repeat(32);
const partition = (topic: string, identity = id): PartitionId => ({
  topic,
  partition: 0,
  identity,
});

async function commit(
  store: ObjectStore,
  folder: string,
  txns: readonly (readonly [pipeline: string, PartitionId, bigint])[],
): Promise<void> {
  const lines = [
    { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
    {
      metaData: {
        id: folder,
        format: { provider: "parquet", options: {} },
        schemaString: '{"type":"struct","fields":[]}',
        partitionColumns: [],
        configuration: {},
      },
    },
    ...txns.map(([pipeline, of, offset]) => ({
      txn: { appId: watermarkAppId(pipeline, of), version: Number(offset) },
    })),
  ];
  const text = lines.map((line) => JSON.stringify(line)).join("\n");
  const key = `${folder}/_delta_log/${"0".repeat(20)}.json`;
  await store.put(key, [new TextEncoder().encode(text)], { signal });
}

function held(store: ObjectStore, adopt = false): ReturnType<typeof heldPositions> {
  return heldPositions({
    roots: [{ store, depth: 2 }],
    owner: { pipelineId: "p", adopt },
    uriOf: (_root, folder) => `memory:${folder}`,
    engineOf: (root, folder): Engine => ({
      store: subStore(root.store, folder),
      clock: { nowMs: () => 0, sleep: () => Promise.resolve() },
      random: { next: () => 0.5, uuid: () => "u" },
    }),
  });
}

describe("heldPosition()", () => {
  test("is the highest of this very topic in any table", async () => {
    const store = memoryStore();
    await commit(store, "shop/a", [["p", partition("t"), 5n]]);
    await commit(store, "shop/b", [["p", partition("t"), 9n], ["p", partition("u", ""), 1n]]);
    const positions = held(store);
    expect(await positions.heldPosition(partition("t"), { signal })).toEqual({ offset: 9n });
    expect(await positions.heldPosition(partition("none", "c".repeat(32)), { signal })).toBeNull();
  });

  test("tells an earlier topic of that name from none", async () => {
    const store = memoryStore();
    await commit(store, "shop/a", [["p", partition("t", earlier), 5n]]);
    const positions = held(store);
    expect(await positions.heldPosition(partition("t"), { signal })).toEqual({ offset: null });
    await commit(store, "shop/b", [["p", partition("t"), 0n]]);
    expect(await positions.heldPosition(partition("t"), { signal })).toEqual({ offset: 0n });
  });

  test("refuses another pipeline's topic unless its positions are adopted", async () => {
    const store = memoryStore();
    await commit(store, "shop/a", [["other", partition("t"), 5n]]);
    // Told to start at the latest record, it would leave out what the other one has not read.
    const refused = held(store).heldPosition(partition("t"), { signal });
    await expect(refused).rejects.toMatchObject({ code: "usage", context: { pipeline: "other" } });
    const another = partition("u", "c".repeat(32));
    expect(await held(store).heldPosition(another, { signal })).toBeNull();
    expect(await held(store, true).heldPosition(partition("t"), { signal })).toEqual({
      offset: 5n,
    });
  });

  test("answers many questions with one look, none from before it was asked", async () => {
    const inner = memoryStore();
    await commit(inner, "shop/a", [["p", partition("t"), 1n]]);
    let looks = 0;
    const store: ObjectStore = {
      ...inner,
      async *list(prefix, options) {
        if (prefix === "_delta_log/") looks++;
        yield* inner.list(prefix, options);
      },
    };
    const positions = held(store);
    const first = positions.heldPosition(partition("t"), { signal });
    // Begun, so that what is committed now may be seen by the first or not.
    await Promise.resolve();
    await commit(inner, "shop/b", [["p", partition("t"), 2n]]);
    const later = Array.from(
      { length: 20 },
      () => positions.heldPosition(partition("t"), { signal }),
    );
    await first;
    for (const answer of await Promise.all(later)) expect(answer).toEqual({ offset: 2n });
    expect(looks).toBe(2);
  });

  test("does not end with the signal of one who asked before and gave up", async () => {
    const inner = memoryStore();
    await commit(inner, "shop/a", [["p", partition("t"), 1n]]);
    const answered = Promise.withResolvers<void>();
    const store: ObjectStore = {
      ...inner,
      async *list(prefix, options) {
        await answered.promise;
        yield* inner.list(prefix, options);
      },
    };
    const positions = held(store);
    const gaveUp = new AbortController();
    const earlier = [positions.heldPosition(partition("t"), gaveUp)];
    await Promise.resolve();
    // The first is under way and the second waits for it: both are called off.
    earlier.push(positions.heldPosition(partition("t"), gaveUp));
    gaveUp.abort();
    const asked = positions.heldPosition(partition("t"), { signal });
    answered.resolve();
    expect(await asked).toEqual({ offset: 1n });
    expect((await Promise.allSettled(earlier)).map(({ status }) => status)).toEqual([
      "rejected",
      "rejected",
    ]);
  });

  test("looks again after a look that failed", async () => {
    const inner = memoryStore();
    let broken = true;
    const store: ObjectStore = {
      ...inner,
      list(prefix, options) {
        if (broken) throw new Error("down");
        return inner.list(prefix, options);
      },
    };
    const positions = held(store);
    await expect(positions.heldPosition(partition("t"), { signal })).rejects.toThrow("down");
    broken = false;
    expect(await positions.heldPosition(partition("t"), { signal })).toBeNull();
  });

  test("-1 where rows were taken out to be read again, unless another table has more", async () => {
    const store = memoryStore();
    await commit(store, "shop/a", [["p", partition("t"), -1n]]);
    expect(await held(store).heldPosition(partition("t"), { signal })).toEqual({ offset: -1n });
    await commit(store, "shop/b", [["p", partition("t"), 4n]]);
    expect(await held(store).heldPosition(partition("t"), { signal })).toEqual({ offset: 4n });
  });
});
