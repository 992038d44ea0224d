import { describe, expect, test } from "bun:test";
import { compaction, type CompactionWorld } from "../../../src/core/compaction/compact-tables.ts";
import {
  closedPartitions,
  lagOf,
  nextCloseMs,
} from "../../../src/core/compaction/closed-partitions.ts";
import type { CompactionEvent } from "../../../src/core/compaction/compaction-event.ts";
import type { LaneProgress } from "../../../src/core/source/source.ts";
import { loadHistory } from "../../../src/delta/log/history.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { loadTableState, type TableState } from "../../../src/delta/log/table-state.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";
import { CdcDeltaError } from "../../../src/errors.ts";
import { signal, testEngine } from "../../support/delta-table.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { appendRows } from "../../support/written-table.ts";

const afterMs = 600_000;
const rules = { afterMs, quietMs: 60_000 };

const schema = struct([
  field("n", { kind: "long" }),
  field("_ingestion_date", { kind: "date" }),
]);

type Setup = {
  readonly days: readonly string[];
  readonly partitionColumns?: readonly string[];
  readonly configuration?: Readonly<Record<string, string>>;
};

/** A table with one small file for each entry of `days`, on a clock that a test turns. */
async function lake({ days, partitionColumns = ["_ingestion_date"], configuration }: Setup) {
  const clock = manualClock(Date.UTC(2026, 10, 23, 12));
  const fault = { on: false };
  const engine = {
    ...testEngine((store) => ({
      ...store,
      get: (key, options) =>
        fault.on
          ? Promise.reject(new CdcDeltaError("store", "the disk is away"))
          : store.get(key, options),
    })),
    clock,
  };
  let state: TableState | null = null;
  const table = { schema, partitionColumns, ...(configuration && { configuration }) };
  for (const [index, day] of days.entries()) {
    const values = { _ingestion_date: day };
    state = await appendRows(engine, state, table, {
      partitionValues: partitionColumns.length > 0 ? values : {},
      rows: [{ n: BigInt(index), _ingestion_date: null }],
    });
  }
  const lanes: LaneProgress[] = [lane(0n)];
  const world: CompactionWorld = {
    clock,
    random: engine.random,
    locate: () => ({ uri: engine.store.uri, engine, configuration: {} }),
    lanes: () => lanes,
  };
  const events: CompactionEvent[] = [];
  const end = new AbortController();
  const task = compaction(world, rules, (event) => events.push(event));
  task.add("shop.orders");
  const running = task.run(end.signal);
  const filesOf = async (day: string): Promise<number> => {
    const { files } = await loadSnapshot(engine, { signal });
    return files.filter((file) => file.partitionValues["_ingestion_date"] === day).length;
  };
  const stop = async (): Promise<void> => {
    end.abort();
    await running;
  };
  return { clock, engine, fault, lanes, events, filesOf, stop };
}

const lane = (lag: bigint): LaneProgress => ({
  topic: "t",
  partition: 0,
  nextOffset: 5n,
  floor: 5n,
  endOffset: 5n + lag,
});

const hour = 3_600_000;
const [old, older, today] = ["2026-11-22", "2026-11-20", "2026-11-23"];
const days = [old, old, older, older, older, today, today];

describe("compaction beside a run", () => {
  test("makes one file of each closed partition's, and says so in the history", async () => {
    const { clock, engine, events, filesOf, stop } = await lake({ days });
    await clock.advance(hour);
    expect(await Promise.all([old, older, today].map(filesOf))).toEqual([1, 1, 2]);
    expect(events).toMatchObject([{
      kind: "compacted",
      table: "shop.orders",
      removedFiles: 5,
      addedFiles: 2,
    }]);
    const [newest] = await loadHistory(engine, { limit: 1, signal });
    expect(newest).toMatchObject({
      operation: "OPTIMIZE",
      operationParameters: { auto: "true", predicate: `["_ingestion_date < '2026-11-23'"]` },
    });
    await stop();
  });

  test("a day is closed ten minutes after its end, and is compacted within the hour", async () => {
    const { clock, events, filesOf, stop } = await lake({ days });
    await clock.advance(12 * hour);
    expect(await filesOf(today)).toBe(2);
    await clock.advance(hour);
    expect(await filesOf(today)).toBe(1);
    expect(events).toHaveLength(2);
    await stop();
  });

  test("waits while the run does not keep up", async () => {
    const { clock, lanes, events, filesOf, stop } = await lake({ days });
    lanes[0] = lane(10_001n);
    await clock.advance(2 * hour);
    expect(await filesOf(older)).toBe(3);
    lanes[0] = lane(10_000n);
    await clock.advance(50_000);
    expect(events).toEqual([]);
    await clock.advance(60_000);
    expect(await filesOf(older)).toBe(1);
    await stop();
  });

  test("waits where nothing is known of the end, or nothing is followed", async () => {
    const { clock, lanes, filesOf, stop } = await lake({ days });
    lanes[0] = { ...lane(0n), endOffset: null };
    await clock.advance(2 * hour);
    lanes.length = 0;
    await clock.advance(2 * hour);
    expect(await filesOf(older)).toBe(3);
    await stop();
  });

  test("pauses between two groups when the run falls behind, and goes on later", async () => {
    const { clock, engine, lanes, events, filesOf, stop } = await lake({ days });
    const put = engine.store.put;
    let puts = 0;
    Object.assign(engine.store, {
      put: async (...args: Parameters<typeof put>) => {
        puts += 1;
        if (puts === 1) {
          lanes[0] = lane(50_000n);
          // The look at the lag happens while the group is written.
          await clock.advance(2000);
        }
        return await put(...args);
      },
    });
    await clock.advance(hour);
    expect(events).toMatchObject([{ kind: "compaction-paused", lag: 50_000n }]);
    expect(await filesOf(old) + await filesOf(older)).toBeGreaterThanOrEqual(4);
    lanes[0] = lane(0n);
    await clock.advance(hour);
    // The group under way, and later on the other one.
    const [, ...merges] = events;
    expect(merges).toMatchObject([
      { kind: "compacted", addedFiles: 1 },
      { kind: "compacted", addedFiles: 1 },
    ]);
    expect(await Promise.all([old, older].map(filesOf))).toEqual([1, 1]);
    await stop();
  });

  test("reads nothing more of a group under way while the run is behind", async () => {
    const { clock, engine, lanes, events, filesOf, stop } = await lake({ days });
    const get = engine.store.get;
    let reads = 0;
    Object.assign(engine.store, {
      get: (...args: Parameters<typeof get>) => {
        // The first data file: what comes with it was asked for already.
        if (args[0].endsWith(".parquet") && ++reads === 1) lanes[0] = lane(50_000n);
        return get(...args);
      },
    });
    await clock.advance(hour);
    const behind = reads;
    expect(events).toMatchObject([{ kind: "compaction-paused", lag: 50_000n }]);
    expect(await filesOf(older)).toBe(3);
    await clock.advance(hour);
    expect(reads).toBe(behind);
    lanes[0] = lane(0n);
    await clock.advance(hour);
    expect(await Promise.all([old, older].map(filesOf))).toEqual([1, 1]);
    await stop();
  });

  test("a failure is told, nothing is lost, and it is tried again", async () => {
    const { clock, fault, events, filesOf, stop } = await lake({ days });
    fault.on = true;
    await clock.advance(hour);
    expect(events.length).toBeGreaterThan(1);
    expect(events[0]).toEqual({
      kind: "compaction-failed",
      table: "shop.orders",
      why: "the disk is away",
    });
    fault.on = false;
    expect(await filesOf(older)).toBe(3);
    await clock.advance(hour);
    expect(await filesOf(older)).toBe(1);
    await stop();
  });

  test("leaves alone what says no, and what has no days", async () => {
    const no = { "delta.autoOptimize.autoCompact": "False" };
    for (const setup of [{ days, configuration: no }, { days, partitionColumns: [] }]) {
      const { clock, engine, events, stop } = await lake(setup);
      await clock.advance(26 * hour);
      expect((await loadSnapshot(engine, { signal })).files).toHaveLength(days.length);
      expect(events).toEqual([]);
      await stop();
    }
  });

  test("ends at once when the run does", async () => {
    const { clock, engine, events, stop } = await lake({ days });
    await clock.advance(1000);
    await stop();
    await clock.advance(hour);
    expect(events).toEqual([]);
    expect((await loadSnapshot(engine, { signal })).files).toHaveLength(days.length);
  });
});

describe("closed partitions", () => {
  test("are those of earlier days, ten minutes after midnight", async () => {
    const { engine, stop } = await lake({ days });
    const state = (await loadTableState(engine, { signal }))!;
    const at = (text: string): string | undefined =>
      closedPartitions(state, { nowMs: Date.parse(text), afterMs }, "x")?.predicate;
    expect(at("2026-11-23T00:09:59Z")).toBe("_ingestion_date < '2026-11-22'");
    expect(at("2026-11-23T00:10:00Z")).toBe("_ingestion_date < '2026-11-23'");
    const nextClose = (text: string): string =>
      new Date(nextCloseMs({ nowMs: Date.parse(text), afterMs })).toISOString();
    expect(nextClose("2026-11-23T00:10:00Z")).toBe("2026-11-24T00:10:00.000Z");
    expect(nextClose("2026-11-23T00:09:59Z")).toBe("2026-11-23T00:10:00.000Z");
    await stop();
  });

  test("lag is the sum of the lanes', once all ends are known", () => {
    expect(lagOf([])).toBeNull();
    expect(lagOf([lane(3n), lane(4n), { ...lane(0n), nextOffset: 9n }])).toBe(7n);
    expect(lagOf([lane(3n), { ...lane(4n), endOffset: null }])).toBeNull();
  });
});
