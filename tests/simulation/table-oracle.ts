import type { Engine } from "../../src/delta/engine.ts";
import { checkpointTable } from "../../src/delta/log/maintenance.ts";
import { loadSnapshot } from "../../src/delta/log/snapshot.ts";
import { messageOf } from "../../src/errors.ts";
import { signal } from "../support/delta-table.ts";
import { numbersOfFile } from "../support/numbered-rows.ts";
import { batchesOfSink, sinks } from "./table-actors.ts";
import { lintDisturbed, litterAfterVacuum, objectsOf, storeOf, vacuumAll } from "./table-scenes.ts";
import { batchRows, retentionMs, type TableWorld } from "./table-world.ts";

type RawAction = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The rows that each version must have, by what its commit says it did. */
type Model = {
  readonly rows: readonly ReadonlySet<number>[];
  readonly faults: readonly string[];
};

const rowsStay = ["OPTIMIZE", "VACUUM START", "VACUUM END", "CHANGE COLUMN"];
const noFiles = ["CREATE TABLE", "ADD COLUMNS", "SET TBLPROPERTIES"];

/** What is wrong with the table once everything came to rest. */
export async function findTableFaults(world: TableWorld): Promise<string[]> {
  const model = modelOf(world);
  const faults = [...world.faults, ...model.faults];
  // What the retention protects is there after a checkpoint and a vacuum, whenever that comes.
  const time = { nowMs: world.scheduler.nowMs() };
  const store = await storeOf(await objectsOf(world.disk, time.nowMs), time);
  const clock = { nowMs: () => time.nowMs, sleep: () => Promise.resolve() };
  const engine = { store, clock, random: world.random };
  await checkpointTable(engine, { signal });
  time.nowMs += world.random.int(retentionMs);
  await vacuumAll(engine, { retentionMs });
  const caches = new Map<string, readonly number[]>();
  const newest = world.landed.size - 1;
  for (let version = newest; version >= 0; version--) {
    const isCurrent = version >= model.rows.length - 1;
    if (!isCurrent && !isProtected(world, version, time.nowMs)) continue;
    if (world.broken.some(({ from, to }) => from <= version && version <= to)) continue;
    const wanted = model.rows[Math.min(version, model.rows.length - 1)]!;
    faults.push(...await compareVersion(engine, version, wanted, caches));
  }
  faults.push(...await lintWorld(world));
  return [...faults, ...await litterAfterVacuum(engine, time)];
}

/** Uploads and commits take their time, which the retention has to cover as well. */
const slackMs = 20 * 60_000;

/** Versions that were current within the retention can be read. */
function isProtected({ landed }: TableWorld, version: number, nowMs: number): boolean {
  const endedMs = landed.get(version + 1)?.atMs ?? Number.POSITIVE_INFINITY;
  return endedMs > nowMs - retentionMs + slackMs;
}

function modelOf({ landed }: TableWorld): Model {
  const rows: Set<number>[] = [];
  const faults: string[] = [];
  const batches = new Map<string, number>();
  for (const [version, { text }] of [...landed].sort(([a], [b]) => a - b)) {
    const actions = text.trimEnd().split("\n").map((line) => JSON.parse(line) as RawAction);
    const info = actions[0]?.["commitInfo"] ?? {};
    const operation = String(info["operation"]);
    const parameters = info["operationParameters"] as Readonly<Record<string, unknown>>;
    const now = new Set(rows.at(-1) ?? []);
    const files = actions.flatMap(({ add, remove }) => [add, remove]).filter((one) => one);
    const isChange = files.some((file) => file?.["dataChange"] !== false);
    if (rowsStay.includes(operation)) {
      if (isChange) faults.push(`v${version}: ${operation} says that rows change`);
    } else if (noFiles.includes(operation)) {
      if (files.length > 0) faults.push(`v${version}: ${operation} has files`);
    } else if (operation === "STREAMING UPDATE") {
      const txn = actions.find((action) => action["txn"])?.["txn"] ?? {};
      const name = `${txn["appId"]}/${txn["version"]}`;
      batches.set(name, (batches.get(name) ?? 0) + 1);
      for (const n of batchRows(String(txn["appId"]), Number(txn["version"])).flat()) now.add(n);
    } else if (operation === "DELETE") {
      for (const n of JSON.parse(String(parameters["predicate"])) as number[]) now.delete(n);
    } else if (operation === "RESTORE") {
      now.clear();
      for (const n of rows[Number(parameters["version"])] ?? []) now.add(n);
    } else faults.push(`v${version}: what is ${operation}?`);
    rows[version] = now;
  }
  for (const sink of sinks) {
    for (let batch = 0; batch < batchesOfSink; batch++) {
      const times = batches.get(`${sink}/${batch}`) ?? 0;
      if (times !== 1) faults.push(`batch ${batch} of ${sink} was committed ${times} times`);
    }
  }
  return { rows, faults };
}

async function compareVersion(
  engine: Engine,
  version: number,
  wanted: ReadonlySet<number>,
  caches: Map<string, readonly number[]>,
): Promise<string[]> {
  try {
    const snapshot = await loadSnapshot(engine, { at: { kind: "version", version }, signal });
    const found: number[] = [];
    for (const add of snapshot.files) {
      const key =
        `${add.path} ${add.deletionVector?.pathOrInlineDv} ${snapshot.metadata.schemaString}`;
      const numbers = caches.get(key) ?? await numbersOfFile(engine, snapshot, add);
      caches.set(key, numbers);
      found.push(...numbers);
    }
    const is = new Set(found);
    const lost = [...wanted].filter((n) => !is.has(n));
    const added = [...is].filter((n) => !wanted.has(n));
    return [
      ...(is.size < found.length ? [`v${version}: ${found.length - is.size} rows twice`] : []),
      ...(lost.length > 0 ? [`v${version}: lost ${lost.join()}`] : []),
      ...(added.length > 0 ? [`v${version}: should not have ${added.join()}`] : []),
    ];
  } catch (error) {
    return [`v${version}: ${messageOf(error)}`];
  }
}

/** The linter's findings, with all that clean-up took from the log. */
async function lintWorld(world: TableWorld): Promise<string[]> {
  const time = { nowMs: world.scheduler.nowMs() };
  const objects = new Map(await objectsOf(world.disk, time.nowMs));
  for (const [version, { text, atMs }] of world.landed) {
    const key = `_delta_log/${String(version).padStart(20, "0")}.json`;
    objects.set(key, { bytes: new TextEncoder().encode(text), ageMs: time.nowMs - atMs });
  }
  return await lintDisturbed(await storeOf(objects, time));
}
