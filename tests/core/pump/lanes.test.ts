import { describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import type { Floor, Source, SourceEvent } from "../../../src/core/source/source.ts";
import { changeLine, newLake, pump, pumpSettings, readTable } from "./pump-harness.ts";

/** Records of one lane with an identity of its own, so that its position is not shared. */
function records(lane: string, ids: readonly number[], baseOffset = 0n): SourceEvent {
  const text = ids.map((id) => `${changeLine("c", { _id: id })}\n`).join("");
  return {
    kind: "records",
    lane,
    batch: {
      framing: "lines",
      bytes: new Uint8Array(Buffer.from(text)),
      position: { topic: lane, partition: 0, baseOffset, identity: `id of ${lane}` },
    },
  };
}

const endOf = (event: SourceEvent): bigint =>
  event.kind === "records" && event.batch.framing === "lines"
    ? event.batch.position.baseOffset + BigInt(event.batch.bytes.length)
    : 0n;

type Step = SourceEvent | (() => Promise<void>);

function steps(list: readonly Step[]): { readonly source: Source; readonly floors: Floor[] } {
  const floors: Floor[] = [];
  const source: Source = {
    description: "steps",
    async *events() {
      for (const step of list) {
        if (typeof step === "function") await step();
        else yield step;
      }
    },
    commitFloors: (committed) => Promise.resolve(void floors.push(...committed)),
    release: () => undefined,
    lanes: () => [],
    progress: () => ({ bytesRead: 0, bytesTotal: null }),
    close: () => Promise.resolve(),
  };
  return { source, floors };
}

const position = (lane: string, nextOffset: bigint): SourceEvent => ({
  kind: "position",
  lane,
  nextOffset,
});

describe("positions without records", () => {
  test("become floors, although nothing is written", async () => {
    const { source, floors } = steps([position("a", 7n), position("b", 3n), position("a", 9n)]);
    const { summary, events } = await pump(newLake(), source);
    expect(floors).toEqual([
      { lane: "a", nextOffset: 9n, tables: [] },
      { lane: "b", nextOffset: 3n, tables: [] },
    ]);
    expect({ flushes: summary.flushes, events }).toEqual({ flushes: 0, events: [] });
  });

  test("move the floor past the records before them", async () => {
    const read = records("a", [1, 2]);
    const after = endOf(read) + 5n;
    const { source, floors } = steps([read, position("a", after)]);
    await pump(newLake(), source);
    expect(floors.map((floor) => floor.nextOffset)).toEqual([after]);
    expect(floors[0]!.tables.map((table) => table.key)).toEqual(["shop.orders"]);
  });

  test("of lanes that were lost are forgotten", async () => {
    const { source, floors } = steps([
      position("a", 7n),
      position("b", 3n),
      { kind: "lanes-lost", lanes: ["a"] },
    ]);
    await pump(newLake(), source);
    expect(floors.map((floor) => floor.lane)).toEqual(["b"]);
  });
});

describe("a source that waits for others", () => {
  test("has what is held committed at once, though the input goes on", async () => {
    const lake = newLake();
    const read = records("a", [1, 2]);
    const { source, floors } = steps([
      read,
      { kind: "drained" },
      // They may wait for these very floors.
      async () => {
        for (let turn = 0; turn < 400 && floors.length === 0; turn++) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        expect(floors.map((floor) => floor.nextOffset)).toEqual([endOf(read)]);
      },
      records("a", [3], endOf(read)),
    ]);
    const { summary } = await pump(lake, source);
    expect(summary.flushes).toBe(2);
    expect((await readTable(lake, "shop.orders")).rows).toHaveLength(3);
  });
});

describe("lanes that were gained", () => {
  test("bring rows that are ingested after what was held before", async () => {
    const lake = newLake();
    const start = lake.now;
    const { source } = steps([
      records("a", [1]),
      () => Promise.resolve(void (lake.now += 60_000)),
      { kind: "lanes-gained" },
      records("b", [2]),
    ]);
    const settings = { flush: { ...pumpSettings.flush, ageMsMax: 3_600_000 } };
    const { summary } = await pump(lake, source, { settings });
    expect(summary.flushes).toBe(2);
    const { rows } = await readTable(lake, "shop.orders");
    const stamps = rows.map((row) => [row["_id"], Number(row["_ingestion_timestamp"]) / 1000]);
    expect(stamps.sort()).toEqual([[1, start], [2, start + 60_000]]);
  });

  test("change nothing where nothing is held", async () => {
    const { source } = steps([{ kind: "lanes-gained" }, records("a", [1])]);
    expect((await pump(newLake(), source)).summary.flushes).toBe(1);
  });
});

describe("lanes that were lost", () => {
  test("may be moved by their new owner without making us stale", async () => {
    const lake = newLake();
    const first = records("a", [1, 2]);
    const rival = steps([first, records("a", [3, 4], endOf(first))]);
    const ours = steps([
      first,
      { kind: "lanes-lost", lanes: ["a"] },
      async () => void await pump(lake, rival.source),
      records("b", [5]),
      async () => void (lake.now += 3_600_000),
      records("b", [6], endOf(records("b", [5]))),
    ]);
    const { events } = await pump(lake, ours.source, { settings: { jobBytesMax: 1 } });
    expect(events.filter((event) => event.kind === "restarted")).toEqual([]);
    const { rows } = await readTable(lake, "shop.orders");
    expect(rows.map((row) => Number(row["_id"])).sort()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("that come back are ours to hold again: their moves make us stale", async () => {
    const lake = newLake();
    const first = records("a", [1, 2]);
    const next = records("a", [3, 4], endOf(first));
    const rival = steps([first, next]);
    let sessions = 0;
    const source: Source = {
      ...steps([]).source,
      async *events() {
        sessions += 1;
        yield first;
        yield { kind: "lanes-lost", lanes: ["a"] };
        yield first;
        yield next;
        if (sessions === 1) await pump(lake, rival.source);
      },
    };
    const { events } = await pump(lake, source);
    expect(events.filter((event) => event.kind === "restarted")).toHaveLength(1);
    const { rows } = await readTable(lake, "shop.orders");
    expect(rows.map((row) => Number(row["_id"])).sort()).toEqual([1, 2, 3, 4]);
  });
});

describe("restarts", () => {
  test("are counted in a row only where no lanes were lost", async () => {
    const lake = newLake();
    let sessions = 0;
    const everyId = (session: number): number[] => [...Array(session + 1).keys()];
    const source = (loses: boolean): Source => ({
      ...steps([]).source,
      async *events() {
        const session = sessions++;
        if (loses) yield { kind: "lanes-lost", lanes: ["other"] };
        yield records("a", everyId(session));
        if (session >= 14) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
        await pump(lake, steps([records("a", everyId(session))]).source);
      },
    });
    const settings = { jobBytesMax: 1 };
    const { events } = await pump(lake, source(true), { settings });
    expect(events.filter((event) => event.kind === "restarted")).toHaveLength(14);
    sessions = 0;
    const fresh = newLake();
    Object.assign(lake, { store: fresh.store });
    await expect(pump(lake, source(false), { settings })).rejects.toThrow(
      "keeps writing the same records",
    );
  });
});
