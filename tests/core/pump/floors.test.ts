import { describe, expect, test } from "bun:test";
import { objectFloorStore } from "../../../src/core/position/floor-store.ts";
import { rememberFloors } from "../../../src/core/source/remember-floors.ts";
import type { Source, SourceEvent } from "../../../src/core/source/source.ts";
import { loadTableState } from "../../../src/delta/log/table-state.ts";
import {
  changeLine,
  type Lake,
  lineSource,
  newLake,
  pump,
  readTable,
  signal,
  tableEngine,
} from "./pump-harness.ts";

/** A folder of two files, each with lines of its own. */
const files = ["a.ndjson", "b.ndjson"].map((topic, file) => ({
  topic,
  identity: `${file}${file}`,
  lines: Array.from({ length: 12 }, (_, n) => changeLine("c", { _id: file * 100 + n })),
}));

function folder(
  lake: Lake,
  between: () => Promise<void> = () => Promise.resolve(),
  inFolder = files,
): Source {
  const sources = inFolder.map(({ lines, ...options }) =>
    lineSource(lines, { ...options, between: async () => (await between(), null) })
  );
  const whole: Source = {
    ...sources[0]!,
    async *events(options): AsyncGenerator<SourceEvent> {
      for (const source of sources) yield* source.events(options);
    },
  };
  return rememberFloors(
    whole,
    objectFloorStore(lake.store, {
      owner: { pipelineId: "test", adopt: false },
      transactionsOf: async (key, options) =>
        (await loadTableState(tableEngine(lake, key), options))?.transactions ?? null,
    }),
  );
}

async function dropTable(lake: Lake): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of lake.store.list("shop/orders/", { signal })) keys.push(key);
  await lake.store.delete(keys, { signal });
}

const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 20));
const eachBatch = { flush: { rowsMin: 1, bytesMax: 1, ageMsMax: 1, heldBytesMax: 1 << 20 } };

describe("floors and tables", () => {
  test("rows come back for every file after their table was deleted", async () => {
    const lake = newLake();
    await pump(lake, folder(lake));
    await dropTable(lake);
    // The first file's rows are committed, and the table is there again, before the second is met.
    await pump(lake, folder(lake, pause), { settings: eachBatch });
    expect((await readTable(lake, "shop.orders")).rows.length).toBe(24);
  });

  test("rows come back when the run that makes the table anew ends early", async () => {
    const lake = newLake();
    await pump(lake, folder(lake));
    await dropTable(lake);
    let batches = 0;
    const stop = new AbortController();
    const between = async (): Promise<void> => {
      await pause();
      if (++batches === 2) stop.abort();
    };
    await pump(lake, folder(lake, between), { settings: eachBatch, stop: stop.signal });
    await pump(lake, folder(lake));
    expect((await readTable(lake, "shop.orders")).rows.length).toBe(24);
  });

  test("nothing is read again while the tables are as they were", async () => {
    const lake = newLake();
    await pump(lake, folder(lake));
    expect((await pump(lake, folder(lake))).summary).toMatchObject({ records: 0, rows: 0 });
  });

  test("two files with the same first record are refused, read before or not", async () => {
    const [a, b] = [files[0]!, files[1]!];
    for (const readBefore of [[], [b]]) {
      const lake = newLake();
      await pump(lake, folder(lake, undefined, readBefore));
      const both = folder(lake, undefined, [{ ...a, identity: b.identity }, b]);
      const drain = async (): Promise<void> => {
        for await (const _ of both.events({ signal })) continue;
      };
      const failure = await drain().catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: "source", context: { source: "b.ndjson" } });
    }
  });
});
