import { describe, expect, test } from "bun:test";
import { type ReplayNote, writeReplayNotes } from "../../../src/core/position/replay-note.ts";
import { type ReplayNotes, replayNotes } from "../../../src/core/position/replay-notes.ts";
import { partitionName } from "../../../src/core/position/watermark.ts";
import { rewindTable } from "../../../src/core/replay/rewind-table.ts";
import { loadTableState } from "../../../src/delta/log/table-state.ts";
import {
  changeLine,
  type Lake,
  lineSource,
  newLake,
  pump,
  signal,
  tableEngine,
} from "../pump/pump-harness.ts";

const key = "shop.orders";
const partition = { topic: "t", partition: 0, identity: "" };
const name = partitionName(partition);
const random = { next: () => 0.5, uuid: () => crypto.randomUUID() };

const line = (offset: number): string =>
  JSON.stringify({
    topic: "t",
    partition: 0,
    offset,
    key: null,
    payload: changeLine("c", { _id: offset }),
  });

async function fedLake(): Promise<Lake> {
  const lake = newLake();
  await pump(lake, lineSource(Array.from({ length: 9 }, (_, offset) => line(offset))));
  return lake;
}

const notesOf = (lake: Lake): ReplayNotes =>
  replayNotes({
    store: lake.store,
    pipelineId: "test",
    engineOf: (place) => tableEngine(lake, place),
  });

async function version(lake: Lake): Promise<number> {
  return (await loadTableState(tableEngine(lake, key), { signal }))!.version;
}

async function noteIt(lake: Lake, changes: Partial<ReplayNote> = {}): Promise<void> {
  const tables = [{ place: key, follows: await version(lake), was: 8n }];
  const note = { ...partition, from: 3n, tables, ...changes };
  await writeReplayNotes({ store: lake.store, pipelineId: "test" }, [note], { random, signal });
}

async function listed(lake: Lake): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key: found } of lake.store.list("_cdcdelta/replays/", { signal })) {
    keys.push(found);
  }
  return keys;
}

async function rewind(lake: Lake, newestVersion: number): Promise<number> {
  const none = { files: 0, bytes: 0 };
  return await rewindTable(tableEngine(lake, key), {
    key,
    uri: "memory:/",
    newestVersion,
    version: null,
    known: true,
    leaving: none,
    returning: none,
    partitions: [],
    refusals: [],
  }, { pipelineId: "test", range: "test", signal });
}

const fresh = { fresh: true, signal };

describe("notes of a replay", () => {
  test("nothing was taken out yet: the replay is fenced off, and the note goes", async () => {
    const lake = await fedLake();
    const planned = await version(lake);
    await noteIt(lake);
    expect(await notesOf(lake).readFrom([partition], fresh)).toEqual(new Map());
    expect(await version(lake)).toBe(planned + 1);
    expect(await listed(lake)).toEqual([]);
    expect(await rewind(lake, planned).catch((error: unknown) => error)).toHaveProperty(
      "code",
      "conflict",
    );
  });

  test("rows were taken out: reading begins there until it has passed them", async () => {
    const lake = await fedLake();
    await noteIt(lake);
    await noteIt(lake, { from: 5n });
    await rewind(lake, await version(lake));
    for (const notes of [notesOf(lake), notesOf(lake)]) {
      expect(await notes.readFrom([partition], fresh)).toEqual(new Map([[name, 3n]]));
      await notes.passed(partition, 8n, { signal });
      expect(await listed(lake)).toHaveLength(2);
    }
    const last = notesOf(lake);
    await last.readFrom([partition], fresh);
    await last.passed(partition, 9n, { signal });
    expect(await listed(lake)).toEqual([]);
    expect(await notesOf(lake).readFrom([partition], fresh)).toEqual(new Map());
  });

  test("who knew the table before may have left rows out: the note stays until they are there", async () => {
    const lake = await fedLake();
    await noteIt(lake);
    await rewind(lake, await version(lake));
    const notes = notesOf(lake);
    await notes.readFrom([partition], { fresh: false, signal });
    await notes.passed(partition, 9n, { signal });
    expect(await listed(lake)).toHaveLength(1);
    await notes.readFrom([partition], { fresh: false, signal });
    await pump(lake, lineSource(Array.from({ length: 9 }, (_, offset) => line(offset))));
    await notes.passed(partition, 9n, { signal });
    expect(await listed(lake)).toEqual([]);
  });

  test("other partitions and pipelines are not concerned", async () => {
    const lake = await fedLake();
    await noteIt(lake);
    await rewind(lake, await version(lake));
    const other = { ...partition, partition: 1 };
    expect(await notesOf(lake).readFrom([other], fresh)).toEqual(new Map());
    const others = replayNotes({
      store: lake.store,
      pipelineId: "other",
      engineOf: (place) => tableEngine(lake, place),
    });
    expect(await others.readFrom([partition], fresh)).toEqual(new Map());
    expect(await listed(lake)).toHaveLength(1);
  });

  test("a table that is not there is read again", async () => {
    const lake = await fedLake();
    await noteIt(lake, { tables: [{ place: "shop.gone", follows: 4, was: 8n }] });
    expect(await notesOf(lake).readFrom([partition], fresh)).toEqual(new Map([[name, 3n]]));
  });

  test("one that cannot be read is refused, not overlooked", async () => {
    const lake = await fedLake();
    await noteIt(lake);
    const [found] = await listed(lake);
    await lake.store.put(found!, [new TextEncoder().encode('{"from":3}')], { signal });
    const error = await notesOf(lake).readFrom([partition], fresh).catch((thrown: unknown) =>
      thrown
    );
    expect(error).toHaveProperty("code", "conflict");
    expect(String(error)).toContain(found!);
  });
});
