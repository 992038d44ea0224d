import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Engine } from "../../src/delta/engine.ts";
import { commit } from "../../src/delta/log/committer.ts";
import { checkpointTable } from "../../src/delta/log/maintenance.ts";
import { loadTableState, requireTableState } from "../../src/delta/log/table-state.ts";
import { restore } from "../../src/delta/operations/restore.ts";
import { widenTable } from "../../src/delta/operations/widen-table.ts";
import { struct } from "../../src/delta/schema/data-type.ts";
import { localStore } from "../../src/delta/storage/local-store.ts";
import type { ObjectMeta, ObjectStore } from "../../src/delta/storage/object-store.ts";
import { messageOf } from "../../src/errors.ts";
import { signal } from "../support/delta-table.ts";
import { appending, creation, numbersAt, writeNumbers } from "../support/numbered-rows.ts";
import { type Death, deathsOf, Killed, mortalStore } from "./mortal-store.ts";
import {
  buildLitter,
  buildLongLog,
  buildSmallFiles,
  freshEngine,
  lintDisturbed,
  litterAfterVacuum,
  makeScene,
  type Objects,
  objectsOf,
  optimizeAll,
  type Scene,
  type SceneBuilder,
  storeOf,
  vacuumAll,
} from "./table-scenes.ts";

/**
 * Each operation is killed at each of its requests, in each way in which a request can end then:
 * not begun, done without an answer, done by half. Whatever is left must be the table before or
 * after, must be legal, and the operation must succeed when it is run again.
 */
type Operation = {
  readonly name: string;
  readonly build: (scene: SceneBuilder) => Promise<void>;
  readonly run: (engine: Engine) => Promise<unknown>;
  /** Rows afterwards; default: those before. */
  readonly after?: (versions: Scene["versions"]) => readonly number[];
  /** Old versions may be gone afterwards. */
  readonly forgets?: true;
};

const restored = 5;
const v2 = { "delta.checkpointPolicy": "v2" };

const operations: readonly Operation[] = [
  {
    name: "create",
    build: () => Promise.resolve(),
    run: async (engine) => {
      if (await loadTableState(engine, { signal }) === null) {
        const adds = [await writeNumbers(engine, [500, 501])];
        await commit(engine, null, { ...appending(adds), ...tableOf(engine) }, { signal });
      }
    },
    after: () => [500, 501],
  },
  {
    name: "append",
    build: buildSmallFiles,
    run: async (engine) => {
      const state = await requireTableState(engine, { signal });
      // What a sink does: its position tells whether the rows are there.
      if (state.transactions.get("sink")?.version === 7n) return;
      const adds = [await writeNumbers(engine, [500, 501]), await writeNumbers(engine, [600])];
      await commit(engine, state, appending(adds, { appId: "sink", version: 7n }), { signal });
    },
    after: (versions) => [...versions.at(-1)!, 500, 501, 600],
  },
  { name: "optimize", build: buildSmallFiles, run: (engine) => optimizeAll(engine) },
  {
    name: "z-order",
    build: buildSmallFiles,
    run: (engine) =>
      optimizeAll(engine, { kind: "z-order", columns: ["n", "text"], spillFolder: tmpdir() }),
  },
  {
    name: "sort by",
    build: buildSmallFiles,
    run: (engine) =>
      optimizeAll(engine, { kind: "sort", columns: ["text"], runBytes: 64, spillFolder: tmpdir() }),
  },
  { name: "vacuum", build: buildLitter, run: (engine) => vacuumAll(engine), forgets: true },
  {
    name: "vacuum from the log",
    build: buildLitter,
    run: (engine) => vacuumAll(engine, { mode: "lite" }),
    forgets: true,
  },
  {
    name: "restore",
    build: buildSmallFiles,
    run: (engine) => restore(engine, { at: { kind: "version", version: restored }, signal }),
    after: (versions) => versions[restored]!,
  },
  {
    name: "checkpoint",
    build: buildSmallFiles,
    run: (engine) => checkpointTable(engine, { signal }),
  },
  {
    name: "checkpoint and log clean-up",
    build: buildLongLog,
    run: (engine) => checkpointTable(engine, { signal }),
    forgets: true,
  },
  {
    name: "V2 checkpoint",
    build: (scene) => buildSmallFiles(scene, v2),
    run: (engine) => checkpointTable(engine, { signal }),
  },
  {
    name: "V2 checkpoint and log clean-up",
    build: (scene) => buildLongLog(scene, v2),
    run: (engine) => checkpointTable(engine, { signal }),
    forgets: true,
  },
  {
    name: "widening by rewriting",
    build: buildSmallFiles,
    run: async (engine) => {
      const state = await requireTableState(engine, { signal });
      const wider = struct(
        state.schema.fields.map((field) =>
          field.name === "small" ? { ...field, type: { kind: "long" } } : field
        ),
      );
      const bytesMax = Number.MAX_SAFE_INTEGER;
      const options = { strategy: "rewrite", bytesMax, signal } as const;
      const outcome = await widenTable(engine, state, wider, options);
      if (outcome.kind !== "widened") throw new Error(outcome.why);
    },
  },
];

function tableOf(engine: Engine): Pick<ReturnType<typeof creation>, "metadata" | "protocol"> {
  const { metadata, protocol } = creation(engine);
  return { metadata: metadata!, protocol: protocol! };
}

/** What the linter says, with the log that was cleaned up put back. */
async function lint(now: Objects, before: Objects, time: { nowMs: number }): Promise<string[]> {
  const old = [...before].filter(([key]) => key.startsWith("_delta_log/"));
  return await lintDisturbed(await storeOf(new Map([...old, ...now]), time));
}

type Killing = { readonly operation: Operation; readonly scene: Scene; readonly death: Death };

/** Makes a store with a scene's objects, which are as old as they were. */
type Place = (objects: Objects, time: { nowMs: number }) => Promise<ObjectStore>;

/** Kills the operation once; answers what is left of the table. */
async function kill({ operation, scene, death }: Killing, place: Place): Promise<Objects> {
  const time = { nowMs: scene.nowMs };
  const disk = await place(scene.objects, time);
  const mortal = mortalStore(disk, death);
  try {
    await operation.run(freshEngine(mortal.store, time, 1));
  } catch (error) {
    if (!mortal.isDead() || !(error instanceof Killed)) throw error;
  }
  return await objectsOf(disk, time.nowMs);
}

/** What is wrong with what a killed process left behind. */
async function findFaults(
  { operation, scene }: Omit<Killing, "death">,
  left: Objects,
): Promise<string[]> {
  const time = { nowMs: scene.nowMs };
  const store = await storeOf(left, time);
  const engine = freshEngine(store, time, 2);
  const faults: string[] = [];
  const before = scene.versions.at(-1);
  const after = operation.after?.(scene.versions) ?? before!;
  const allowed = [before, after].map((rows) => rows === undefined ? null : sorted(rows));
  const found = await rowsOf(engine);
  if (!allowed.includes(found)) faults.push(`half-done: ${found}`);
  if (operation.forgets === undefined) faults.push(...await oldVersionFaults(engine, scene));
  faults.push(...(await lint(left, scene.objects, time)).map((finding) => `half-done: ${finding}`));
  await operation.run(engine);
  if (await rowsOf(engine) !== sorted(after)) faults.push(`again: ${await rowsOf(engine)}`);
  const objects = await objectsOf(store, time.nowMs);
  faults.push(...(await lint(objects, scene.objects, time)).map((finding) => `again: ${finding}`));
  return [...faults, ...await litterAfterVacuum(engine, time)];
}

async function oldVersionFaults(engine: Engine, { versions }: Scene): Promise<string[]> {
  const faults: string[] = [];
  for (const [version, rows] of versions.entries()) {
    const found = await numbersAt(engine, { kind: "version", version });
    if (found.join() !== sorted(rows)) faults.push(`version ${version}: ${found.join()}`);
  }
  return faults;
}

const sorted = (rows: readonly number[]): string => rows.toSorted((a, b) => a - b).join();

async function rowsOf(engine: Engine): Promise<string | null> {
  if (await loadTableState(engine, { signal }) === null) return null;
  return (await numbersAt(engine)).join();
}

/** Alike disks are judged once: most requests change nothing. */
function fingerprint(objects: Objects): string {
  return [...objects].map(([key, { bytes, ageMs }]) => `${key} ${bytes.length} ${ageMs}`).join(
    "\n",
  );
}

/** Kills the operation everywhere; one line a death that does harm. */
async function killEverywhere(
  operation: Operation,
  place: Place,
  isWanted: (death: Death) => boolean = () => true,
): Promise<string[]> {
  const scene = await makeScene(operation.build);
  const time = { nowMs: scene.nowMs };
  const alive = mortalStore(await place(scene.objects, time), null);
  await operation.run(freshEngine(alive.store, time, 1));
  const failures: string[] = [];
  const judged = new Set<string>();
  for (const death of deathsOf(alive.calls).filter(isWanted)) {
    const told = `${JSON.stringify(death)} of ${alive.calls.length}`;
    try {
      const left = await kill({ operation, scene, death }, place);
      if (judged.has(fingerprint(left))) continue;
      judged.add(fingerprint(left));
      const faults = await findFaults({ operation, scene }, left);
      if (faults.length > 0) failures.push(`${told}: ${faults.slice(0, 4).join("; ")}`);
    } catch (error) {
      failures.push(`${told}: ${messageOf(error)}`);
    }
  }
  // Before and after are two states at least, or nothing was killed.
  expect(judged.size).toBeGreaterThan(1);
  return failures;
}

const named = operations.map((operation) => [operation.name, operation] as const);

describe("an operation, killed at each of its requests", () => {
  test.each(named)("%s", async (_name, operation) => {
    expect(await killEverywhere(operation, storeOf)).toEqual([]);
  }, 120_000);
});

describe("an operation on a local folder, killed at each of its requests", () => {
  const root = mkdtempSync(path.join(tmpdir(), "cdcdelta-operations-"));
  afterAll(() => rmSync(root, { recursive: true }));
  let folder = path.join(root, "0");
  let folders = 0;
  const place: Place = async (objects, time) => {
    rmSync(folder, { recursive: true, force: true });
    folder = path.join(root, String(++folders));
    // What the files' times are measured by is not ours to set.
    const lateMs = Date.now() - time.nowMs;
    for (const [key, { bytes, ageMs }] of objects) {
      const file = path.join(folder, key);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, bytes);
      const writtenSeconds = (Date.now() - ageMs) / 1000;
      utimesSync(file, writtenSeconds, writtenSeconds);
    }
    mkdirSync(folder, { recursive: true });
    return lateBy(localStore(folder), lateMs);
  };
  test.each(named)("%s", async (_name, operation) => {
    // Before a request the folder is as the request before it left it.
    const changes = ({ step, happens }: Death): boolean => step === 1 || happens !== "nothing";
    expect(await killEverywhere(operation, place, changes)).toEqual([]);
  }, 120_000);
});

/** A store whose objects seem to be older than they are. */
function lateBy(store: ObjectStore, ms: number): ObjectStore {
  const earlier = (meta: ObjectMeta): ObjectMeta => ({ ...meta, modifiedMs: meta.modifiedMs - ms });
  return {
    ...store,
    head: async (key, io) => {
      const meta = await store.head(key, io);
      return meta === null ? null : earlier(meta);
    },
    async *list(prefix, io) {
      for await (const meta of store.list(prefix, io)) yield earlier(meta);
    },
  };
}
