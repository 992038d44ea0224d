import { expect, test } from "bun:test";
import type { PumpEvent } from "../../../src/core/pump/pump-events.ts";
import { rewindTable } from "../../../src/core/replay/rewind-table.ts";
import { loadTableState } from "../../../src/delta/log/table-state.ts";
import {
  changeLine,
  lineSource,
  newLake,
  pump,
  readTable,
  signal,
  tableEngine,
} from "../pump/pump-harness.ts";

const key = "shop.orders";

const lines = Array.from({ length: 9 }, (_, offset) =>
  JSON.stringify({
    topic: "t",
    partition: 0,
    offset,
    key: null,
    payload: changeLine("c", { _id: offset }),
  }));

test.each([
  ["that looks before each commit", 0],
  ["that finds out by its commit", 300_000],
])("a sink %s does not go on behind rows that a replay took out", async (_name, stateAgeMsMax) => {
  const lake = newLake();
  const engine = tableEngine(lake, key);
  const version = async (): Promise<number | null> =>
    (await loadTableState(engine, { signal }))?.version ?? null;
  let rewound = false;
  const source = lineSource(lines, {
    async between(batch) {
      if (batch === 1) return { kind: "idle" };
      if (batch !== 2 || rewound) return null;
      while (await version() === null) await new Promise((resolve) => setTimeout(resolve, 1));
      const newest = (await version())!;
      rewound = true;
      await rewindTable(engine, {
        key,
        uri: engine.store.uri,
        newestVersion: newest,
        version: null,
        known: true,
        leaving: { files: 1, bytes: 1 },
        returning: { files: 0, bytes: 0 },
        partitions: [],
        refusals: [],
      }, { pipelineId: "test", range: "test", signal });
      return null;
    },
  });
  const flush = { rowsMin: 1, bytesMax: 1 << 20, ageMsMax: 1, heldBytesMax: 4 << 20 };
  const { events } = await pump(lake, source, { settings: { stateAgeMsMax, flush } });
  expect(rewound).toBe(true);
  expect(events.map(({ kind }: PumpEvent) => kind)).toContain("restarted");
  const { rows } = await readTable(lake, key);
  expect(rows.map((row) => row["_kafka_offset"]).sort()).toEqual(lines.map((_, at) => BigInt(at)));
});
