import { expect, test } from "bun:test";
import process from "node:process";
import fc from "fast-check";
import type { Engine } from "../../../src/delta/engine.ts";
import { serializeCommit } from "../../../src/delta/log/action-json.ts";
import type { Action } from "../../../src/delta/log/actions.ts";
import { writeCheckpoint } from "../../../src/delta/log/checkpoint-writer.ts";
import { findVersionAt } from "../../../src/delta/log/time-travel.ts";
import { commitKey } from "../../../src/delta/log/log-path.ts";
import { readCommit } from "../../../src/delta/log/log-reader.ts";
import { loadSnapshot, type Snapshot } from "../../../src/delta/log/snapshot.ts";
import { createKeyMarks } from "../../../src/delta/operations/key-marks.ts";
import { keysOfFile } from "../../../src/delta/operations/file-objects.ts";
import type { LostRange } from "../../../src/delta/operations/lost-versions.ts";
import { vacuum } from "../../../src/delta/operations/vacuum.ts";
import { planVacuum } from "../../../src/delta/operations/vacuum-plan.ts";
import {
  addFile,
  newTable,
  removeFile,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";

const hour = 3_600_000;
/** A commit's own time against that of its file. */
const ownLaterMs = 7;

/** What a commit does to one of a few files. */
type Change = {
  readonly file: number;
  readonly kind: "add" | "again" | "remove" | "vector" | "restore-file" | "cdc";
  readonly dataChange: boolean;
};
type Command =
  | { readonly kind: "commit"; readonly changes: readonly Change[] }
  | { readonly kind: "restore"; readonly back: number }
  | { readonly kind: "lose"; readonly pick: number }
  | { readonly kind: "vacuum"; readonly hours: number; readonly mode: "full" | "lite" }
  | { readonly kind: "checkpoint"; readonly cleanTo: number };

const commands: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      changes: fc.array(
        fc.record({
          file: fc.nat(5),
          kind: fc.constantFrom(
            "add",
            "again",
            "remove",
            "remove",
            "vector",
            "restore-file",
            "cdc",
          ),
          dataChange: fc.boolean(),
        }),
        { maxLength: 4 },
      ),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("restore" as const), back: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("lose" as const), pick: fc.nat(30) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("vacuum" as const),
      hours: fc.nat(8),
      mode: fc.constantFrom("full", "lite"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("checkpoint" as const), cleanTo: fc.nat(9) }),
  },
);

type World = { readonly engine: TestEngine; names: number; readonly all: string[] };

async function put(engine: Engine, key: string): Promise<void> {
  await engine.store.put(key, [new Uint8Array(3)], { signal });
}

async function commitNext(world: World, actions: readonly Action[]): Promise<void> {
  const { engine } = world;
  const { version } = await loadSnapshot(engine, { signal });
  const commitInfo = { inCommitTimestamp: engine.nowMs + ownLaterMs };
  const bytes = serializeCommit([{ kind: "commitInfo", commitInfo }, ...actions]);
  await engine.store.put(commitKey(version + 1), [bytes], { signal });
}

/** The actions of a commit, with files and vectors of which each has a name of its own. */
async function actionsOf(world: World, changes: readonly Change[]): Promise<Action[]> {
  const { engine } = world;
  const { files } = await loadSnapshot(engine, { signal });
  const live = new Map(files.map((file) => [file.path, file]));
  const actions: Action[] = [];
  const take = (path: string, dataChange: boolean): void => {
    const { deletionVector } = live.get(path)!;
    live.delete(path);
    const more = { dataChange, deletionTimestamp: engine.nowMs, size: 3 };
    const remove = removeFile(path, {
      ...more,
      ...(deletionVector === undefined ? {} : { deletionVector }),
    });
    actions.push({ kind: "remove", remove });
  };
  for (const { file, kind, dataChange } of changes) {
    const path = [...live.keys()][file];
    const known = world.all[file * 3];
    if (kind === "add") {
      const added = `file-${world.names++}`;
      await put(engine, added);
      world.all.push(added);
      actions.push({ kind: "add", add: addFile(added, { dataChange }) });
    } else if (kind === "cdc") {
      const key = `_change_data/c-${world.names++}`;
      await put(engine, key);
      actions.push({
        kind: "cdc",
        cdc: { path: key, partitionValues: {}, size: 3, dataChange: false },
      });
    } else if (kind === "restore-file") {
      // Even files that are gone: their versions were never readable.
      if (known === undefined || live.has(known)) continue;
      if (actions.some((a) => "remove" in a && a.remove.path === known)) continue;
      actions.push({ kind: "add", add: addFile(known, { dataChange }) });
      live.set(known, addFile(known));
    } else if (path !== undefined && files.some((each) => each.path === path)) {
      take(path, dataChange);
      if (kind === "remove") continue;
      if (kind === "again") {
        // Order within a commit means nothing: the file stays.
        const same = files.find((each) => each.path === path)!;
        actions.unshift({ kind: "add", add: { ...same, dataChange } });
        continue;
      }
      const vector = `vector-${world.names++}`;
      await put(engine, vector);
      const deletionVector = {
        storageType: "p",
        pathOrInlineDv: `memory:/${vector}`,
        offset: 1,
        sizeInBytes: 3,
        cardinality: 1n,
      };
      const add = addFile(path, { dataChange, deletionVector });
      // Order within a commit means nothing.
      actions.splice(world.names % 2 === 0 ? 0 : actions.length, 0, { kind: "add", add });
    }
  }
  return actions;
}

async function restoreTo(world: World, back: number): Promise<void> {
  const { engine } = world;
  const newest = await loadSnapshot(engine, { signal });
  const version = Math.max(0, newest.version - back);
  const target = await openOrNull(engine, version);
  if (target === null) return;
  const id = (file: { readonly path: string; readonly deletionVector?: object }): string =>
    JSON.stringify([
      file.path,
      (file.deletionVector as { pathOrInlineDv?: string })?.pathOrInlineDv,
    ]);
  const [then, now] = [new Set(target.files.map(id)), new Set(newest.files.map(id))];
  await commitNext(world, [
    ...target.files.filter((f) => !now.has(id(f))).map((add): Action => ({ kind: "add", add })),
    ...newest.files.filter((f) => !then.has(id(f))).map(({ path, deletionVector }): Action => ({
      kind: "remove",
      remove: removeFile(path, {
        deletionTimestamp: engine.nowMs,
        size: 3,
        ...(deletionVector === undefined ? {} : { deletionVector }),
      }),
    })),
  ]);
}

async function openOrNull(engine: Engine, version: number): Promise<Snapshot | null> {
  try {
    return await loadSnapshot(engine, { at: { kind: "version", version }, signal });
  } catch {
    return null;
  }
}

/** Which versions and which changes can be read: every version is opened, every object asked for. */
async function readable(engine: Engine): Promise<{ versions: number[]; changes: number[] }> {
  const { version: newest } = await loadSnapshot(engine, { signal });
  const isThere = async (keys: readonly string[]): Promise<boolean> => {
    for (const key of keys) if (await engine.store.head(key, { signal }) === null) return false;
    return true;
  };
  const [versions, changes]: [number[], number[]] = [[], []];
  for (let version = 0; version <= newest; version++) {
    const snapshot = await openOrNull(engine, version);
    if (snapshot === null) continue;
    const needed = snapshot.files.flatMap((file) => keysOfFile(file, engine.store.uri));
    if (await isThere(needed)) versions.push(version);
    const actions = await readCommit(engine, version, { signal, files: true });
    if (actions === null) continue;
    const cdc = actions.flatMap((a) => (a.kind === "cdc" ? [a.cdc.path] : []));
    const derived = actions.flatMap((a) => {
      const file = a.kind === "add" ? a.add : a.kind === "remove" ? a.remove : null;
      return file?.dataChange === true ? keysOfFile(file, engine.store.uri) : [];
    });
    if (await isThere(cdc.length > 0 ? cdc : derived)) changes.push(version);
  }
  return { versions, changes };
}

const numbersOf = (ranges: readonly LostRange[] | undefined): number[] =>
  (ranges ?? []).flatMap(({ first, last }) =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i)
  );

/** Counts that say the sequences are not empty of what they are about. */
const seen = { ranges: 0, apart: 0, changesOnly: 0, cleaned: 0 };

const hasCommit = async (engine: Engine, version: number): Promise<boolean> =>
  await engine.store.head(commitKey(version), { signal }) !== null;

async function obeyVacuum(
  { engine }: World,
  { hours, mode }: Extract<Command, { readonly kind: "vacuum" }>,
): Promise<void> {
  const before = await readable(engine);
  const retentionMs = hours * hour;
  const options = { mode, retentionMs, force: true, tellLost: true, signal };
  const plan = await planVacuum(engine, options).catch((error: unknown) => {
    // The log does not reach back to the last vacuum.
    if (mode === "lite" && String(error).includes("--mode full")) return null;
    throw error;
  });
  if (plan === null) return;
  const ranges = plan.lost?.versions ?? [];
  for (const { first, last, fromMs, beforeMs } of ranges) {
    if (fromMs === null) continue;
    const from = await findVersionAt(engine, fromMs, { signal });
    // A version before may have lost its commit, and with it its time.
    expect(from === first || (from <= last && !await hasCommit(engine, first))).toBe(true);
    expect(await findVersionAt(engine, beforeMs! - 1, { signal })).toBe(last);
    expect(await findVersionAt(engine, beforeMs!, { signal })).toBe(last + 1);
  }
  await vacuum(engine, plan, { signal });
  const after = await readable(engine);
  const lost = (kind: "versions" | "changes"): number[] =>
    before[kind].filter((version) => !after[kind].includes(version));
  const told = { versions: numbersOf(ranges), changes: numbersOf(plan.lost?.changes) };
  expect(told).toEqual({ versions: lost("versions"), changes: lost("changes") });
  seen.ranges += Math.min(1, ranges.length);
  if (ranges.length > 1) seen.apart += 1;
  if (told.changes.some((version) => !told.versions.includes(version))) seen.changesOnly += 1;
  if (told.versions.length > 0 && (await openOrNull(engine, 0)) === null) seen.cleaned += 1;
}

async function obey(world: World, command: Command): Promise<void> {
  const { engine } = world;
  engine.nowMs += hour;
  switch (command.kind) {
    case "commit":
      return await commitNext(world, await actionsOf(world, command.changes));
    case "restore":
      return await restoreTo(world, command.back);
    case "lose": {
      const key = world.all[command.pick % world.all.length];
      if (key !== undefined) await engine.store.delete([key], { signal });
      return;
    }
    case "vacuum":
      return await obeyVacuum(world, command);
    case "checkpoint": {
      const { version } = await loadSnapshot(engine, { signal });
      await writeCheckpoint(engine, version, { signal });
      const gone = Array.from(
        { length: Math.min(command.cleanTo, version) },
        (_, i) => commitKey(i),
      );
      if (command.cleanTo > 4) await engine.store.delete(gone, { signal });
    }
  }
}

async function play(sequence: readonly Command[], hasOwnTimes: boolean): Promise<void> {
  const engine = testEngine();
  await put(engine, "first");
  const { metadata } = await newTable(engine);
  const world: World = { engine, names: 0, all: ["first"] };
  engine.nowMs += hour;
  const configuration = {
    "delta.enableInCommitTimestamps": "true",
    "delta.inCommitTimestampEnablementVersion": "1",
    "delta.inCommitTimestampEnablementTimestamp": String(engine.nowMs + ownLaterMs),
  };
  const writerFeatures = ["changeDataFeed", "inCommitTimestamp"];
  const protocol = { minReaderVersion: 1, minWriterVersion: 7, writerFeatures };
  await commitNext(world, [
    { kind: "protocol", protocol },
    ...hasOwnTimes ? [{ kind: "metaData", metaData: { ...metadata, configuration } }] as const : [],
  ]);
  for (const command of sequence) await obey(world, command);
  engine.nowMs += 9 * hour;
  await obeyVacuum(world, { kind: "vacuum", hours: 1, mode: "full" });
}

test("a vacuum tells exactly which versions and changes stop being readable", async () => {
  const seed = Number(process.env["SEED"] ?? 1);
  const numRuns = Number(process.env["SEEDS"] ?? 60);
  await fc.assert(
    fc.asyncProperty(
      fc.array(commands, { maxLength: 30, size: "max" }),
      fc.boolean(),
      play,
    ),
    { seed, numRuns },
  );
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(3);
}, 600_000);

test("marks of keys are what was set last", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string(), fc.nat(9)), { maxLength: 3000 }), (sets) => {
      const [marks, model] = [createKeyMarks(), new Map<string, number>()];
      for (const [key, mark] of sets) {
        marks.set(key, mark);
        model.set(key, mark);
      }
      for (const [key] of sets) expect(marks.get(key)).toBe(model.get(key)!);
      expect(marks.get("\u0000 nobody set this")).toBe(0);
    }),
    { numRuns: 50 },
  );
});
