import type { Engine } from "../../src/delta/engine.ts";
import { writeCheckpoint } from "../../src/delta/log/checkpoint-writer.ts";
import { objectKeyOf } from "../../src/delta/log/file-key.ts";
import { checkpointTable } from "../../src/delta/log/maintenance.ts";
import { loadSnapshot } from "../../src/delta/log/snapshot.ts";
import { deletionVectorKey } from "../../src/delta/log/deletion-vector.ts";
import { requireTableState } from "../../src/delta/log/table-state.ts";
import type { TransactionDraft } from "../../src/delta/log/transaction.ts";
import { optimize, type OrderRequest } from "../../src/delta/operations/optimize.ts";
import { vacuum } from "../../src/delta/operations/vacuum.ts";
import { planVacuum, type VacuumMode } from "../../src/delta/operations/vacuum-plan.ts";
import { memoryStore } from "../../src/delta/storage/memory-store.ts";
import type { ObjectStore } from "../../src/delta/storage/object-store.ts";
import { mustCommit, signal, type TestEngine, testEngine } from "../support/delta-table.ts";
import { lintTable } from "../support/log-linter.ts";
import {
  appending,
  creation,
  deleting,
  numbersAt,
  writeNumbers,
} from "../support/numbered-rows.ts";

export const dayMs = 86_400_000;

/** Objects of a store, to begin from them again and again. */
export type Objects = ReadonlyMap<string, { readonly bytes: Uint8Array; readonly ageMs: number }>;

/** A table as it stands at a moment, and the rows that each of its versions has. */
export type Scene = {
  readonly objects: Objects;
  readonly nowMs: number;
  readonly versions: readonly (readonly number[])[];
};

/** A table under construction, with its model. */
export type SceneBuilder = {
  readonly engine: TestEngine;
  readonly versions: (readonly number[])[];
  commit(draft: TransactionDraft, rows: readonly number[]): Promise<void>;
};

/** Builds a scene. */
export async function makeScene(
  build: (scene: SceneBuilder) => Promise<void>,
): Promise<Scene> {
  const engine = testEngine();
  const versions: (readonly number[])[] = [];
  await build({
    engine,
    versions,
    async commit(draft, rows) {
      const base = versions.length === 0 ? null : await requireTableState(engine, { signal });
      const state = await mustCommit(engine, base, draft);
      versions[state.version] = [...rows].sort((a, b) => a - b);
      engine.nowMs += 60_000;
    },
  });
  return { objects: await objectsOf(engine.store, engine.nowMs), nowMs: engine.nowMs, versions };
}

/** Everything in a store, as old as it is at `nowMs`. */
export async function objectsOf(store: ObjectStore, nowMs: number): Promise<Objects> {
  const objects = new Map<string, { bytes: Uint8Array; ageMs: number }>();
  for await (const { key, modifiedMs } of store.list("", { signal })) {
    const bytes = await store.get(key, { signal });
    objects.set(key, { bytes, ageMs: nowMs - modifiedMs });
  }
  return objects;
}

/** A store in memory with these objects, as old as they were. */
export async function storeOf(objects: Objects, time: { nowMs: number }): Promise<ObjectStore> {
  let writtenMs: number | null = null;
  const store = memoryStore({ clock: { nowMs: () => writtenMs ?? time.nowMs } });
  for (const [key, { bytes, ageMs }] of objects) {
    writtenMs = time.nowMs - ageMs;
    await store.put(key, [bytes], { signal });
  }
  writtenMs = null;
  return store;
}

/** An engine of a process that has just started; `run` keeps its file names apart from others'. */
export function freshEngine(store: ObjectStore, time: { nowMs: number }, run: number): Engine {
  let uuids = 0;
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
  return {
    store,
    clock: {
      nowMs: () => time.nowMs,
      sleep: (ms) => {
        time.nowMs += ms;
        return Promise.resolve();
      },
    },
    random: { uuid: () => `${hex(run, 8)}-0000-4000-8000-${hex(++uuids, 12)}`, next: () => 0.5 },
  };
}

/** Three files a day of three days, one of them with deleted rows, with a checkpoint in between. */
export async function buildSmallFiles(
  scene: SceneBuilder,
  configuration: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { engine, versions } = scene;
  await scene.commit(creation(engine, configuration), []);
  for (let i = 0; i < 6; i++) {
    const numbers = [0, 1, 2].map((k) => (i % 3) * 100 + Math.floor(i / 3) * 10 + k);
    const add = await writeNumbers(engine, numbers);
    await scene.commit(appending([add], { appId: "app", version: BigInt(i) }), [
      ...versions.at(-1)!,
      ...numbers,
    ]);
    if (i === 2) await checkpointTable(engine, { signal });
  }
  for (const how of ["inline", "stored", "rewrite"] as const) {
    const snapshot = await loadSnapshot(engine, { signal });
    const doomed = (n: number): boolean => n % 100 === { inline: 1, stored: 11, rewrite: 12 }[how];
    for (const add of snapshot.files) {
      const change = await deleting(engine, snapshot, add, doomed, how);
      if (change === null) continue;
      const left = versions.at(-1)!.filter((n) => !change.deleted.includes(n));
      await scene.commit(change.draft, left);
      break;
    }
  }
}

/** The same, after an optimize, with files of nobody beside it, all of them long ago. */
export async function buildLitter(scene: SceneBuilder): Promise<void> {
  const { engine, versions } = scene;
  await buildSmallFiles(scene);
  await optimizeAll(engine);
  const { version } = await requireTableState(engine, { signal });
  while (versions.length <= version) versions.push(versions.at(-1)!);
  await writeNumbers(engine, [0, 1]);
  await engine.store.put("_somebody/else", [new Uint8Array(3)], { signal });
  engine.nowMs += 30 * dayMs;
}

/** Many versions over many days, whose old ones may be forgotten. */
export async function buildLongLog(
  scene: SceneBuilder,
  configuration: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { engine, versions } = scene;
  const own = { "delta.logRetentionDuration": "interval 2 days", ...configuration };
  await scene.commit(creation(engine, own), []);
  for (let i = 0; i < 9; i++) {
    const add = await writeNumbers(engine, [i]);
    await scene.commit(appending([add], { appId: "app", version: BigInt(i) }), [
      ...versions.at(-1)!,
      i,
    ]);
    engine.nowMs += dayMs;
    // Without a clean-up, which is to be watched later.
    if (i % 3 === 2 && i < 8) await writeCheckpoint(engine, i + 1, { signal });
  }
}

/** The linter's findings, but for those that are right in a table that others use and that was killed. */
export async function lintDisturbed(store: ObjectStore): Promise<string[]> {
  const isV2 = await hasSidecars(store);
  return (await lintTable(store)).filter((finding) =>
    !/^(?:_somebody\/|deletion_vector_|_delta_log\/_|.*\.checkpoint\.).*not a name/.test(finding) &&
    // A process that dies between a checkpoint and its hint leaves an older one.
    !/^_last_checkpoint (?:is missing|names \d+, not \d+)$/.test(finding) &&
    // The linter looks into classic checkpoints only.
    !(isV2 && finding.startsWith("_last_checkpoint names"))
  );
}

async function hasSidecars(store: ObjectStore): Promise<boolean> {
  for await (const _ of store.list("_delta_log/_sidecars/", { signal })) return true;
  return false;
}

/** Optimizes as small tables need it. */
export async function optimizeAll(engine: Engine, order?: OrderRequest): Promise<void> {
  const rules = { targetBytes: 1 << 20, where: () => true };
  const ordered = order === undefined ? {} : { order };
  await optimize(engine, { ...rules, ...ordered, predicate: [], signal });
}

/** Vacuums whatever the table's own retention is. */
export async function vacuumAll(
  engine: Engine,
  options: { readonly mode?: VacuumMode; readonly retentionMs?: number } = {},
): Promise<void> {
  const plan = await planVacuum(engine, { retentionMs: 0, force: true, signal, ...options });
  await vacuum(engine, plan, { signal });
}

/** What the newest version needs besides its log. */
export async function neededKeys(engine: Engine): Promise<Set<string>> {
  const { files } = await loadSnapshot(engine, { signal });
  return new Set(files.flatMap(({ path, deletionVector }) => {
    const vector = deletionVector === undefined
      ? null
      : deletionVectorKey(deletionVector, engine.store.uri);
    return [objectKeyOf(path, engine.store.uri)!, ...(vector === null ? [] : [vector])];
  }));
}

/** What is wrong once a vacuum has taken everything that it may: one line a finding. */
export async function litterAfterVacuum(
  engine: Engine,
  time: { nowMs: number },
): Promise<string[]> {
  time.nowMs += 400 * dayMs;
  const before = await numbersAt(engine);
  await vacuumAll(engine);
  const findings: string[] = [];
  const after = await numbersAt(engine);
  if (after.join() !== before.join()) findings.push("vacuum changed the rows");
  const needed = await neededKeys(engine);
  for await (const { key } of engine.store.list("", { signal })) {
    if (key.startsWith("_delta_log/") || key.startsWith("_somebody/")) continue;
    if (!needed.delete(key)) findings.push(`${key} is left though nobody needs it`);
  }
  for (const key of needed) findings.push(`${key} is gone though it is needed`);
  return findings;
}
