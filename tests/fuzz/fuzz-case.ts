import { loadHistory } from "../../src/delta/log/history.ts";
import { loadSnapshot } from "../../src/delta/log/snapshot.ts";
import { planOptimize } from "../../src/delta/operations/optimize.ts";
import { planRestore } from "../../src/delta/operations/restore.ts";
import { scanFile } from "../../src/delta/operations/scan.ts";
import { planVacuum } from "../../src/delta/operations/vacuum-plan.ts";
import { CdcDeltaError } from "../../src/errors.ts";
import { seededRandom } from "../simulation/seeded-random.ts";
import { freshEngine, type Objects, storeOf } from "../simulation/table-scenes.ts";
import { signal } from "../support/delta-table.ts";
import type { FuzzTable } from "./fuzz-tables.ts";
import { damaged } from "./mutate.ts";

export type FuzzReport = {
  /** What was damaged, to tell. */
  readonly what: string;
  /** What was thrown that is no error of ours. */
  readonly faults: readonly string[];
  /** Whether some of the rows could not be read. */
  readonly isRefused: boolean;
};

/** Damages one object of one table and lets everything read it that reads. */
export async function fuzzCase(seed: number, tables: readonly FuzzTable[]): Promise<FuzzReport> {
  const random = seededRandom(seed);
  const table = random.pick(tables);
  const objects = new Map(table.objects);
  const key = chooseKey(random.next(), [...objects.keys()], random.next());
  const whole = objects.get(key)!;
  if (random.chance(0.1)) addOddNames(objects, random.int(1000));
  const isText = /\.(?:json|crc)$|_last_checkpoint$/.test(key);
  const bytes = damaged(random, whole.bytes, isText);
  objects.set(key, { ...whole, bytes });
  const what = `${table.name}: ${key}`;
  const time = { nowMs: 1_800_000_000_000 };
  const engine = freshEngine(await storeOf(objects, time), time, 1);
  const faults: string[] = [];
  let isRefused = false;
  const attempt = async (name: string, run: () => Promise<unknown>): Promise<void> => {
    try {
      await run();
    } catch (error) {
      if (name.startsWith("scan")) isRefused = true;
      if (error instanceof CdcDeltaError && error.code !== "internal") return;
      const told = error instanceof Error ? error.stack ?? error.message : String(error);
      faults.push(`${name}: ${told.split("\n").slice(0, 4).join(" ")}`);
    }
  };
  await attempt("scan", async () => {
    const snapshot = await loadSnapshot(engine, { signal });
    for (const add of snapshot.files) {
      await attempt("scan of a file", async () => {
        for await (const _ of scanFile(engine, snapshot, add, { signal }));
      });
    }
  });
  await attempt("history", () => loadHistory(engine, { signal }));
  await attempt("vacuum", () => planVacuum(engine, { retentionMs: 0, force: true, signal }));
  await attempt(
    "time travel",
    () =>
      loadSnapshot(engine, { at: { kind: "timestamp", timestampMs: time.nowMs - 1500 }, signal }),
  );
  await attempt(
    "restore",
    () => planRestore(engine, { at: { kind: "version", version: 1 }, signal }),
  );
  const where = (): boolean => true;
  await attempt("optimize", () => planOptimize(engine, { targetBytes: 1 << 20, where, signal }));
  return { what, faults, isRefused };
}

/** Logs, checkpoints and their like as often as data files. */
function chooseKey(which: number, keys: readonly string[], at: number): string {
  const log = keys.filter((key) => key.startsWith("_delta_log/"));
  const groups = [
    log.filter((key) => key.endsWith(".json")),
    log.filter((key) => key.endsWith(".parquet")),
    log.filter((key) => key.endsWith(".crc") || key.includes("_last_")),
    keys.filter((key) => !key.startsWith("_delta_log/") && key.endsWith(".parquet")),
    keys.filter((key) => key.endsWith(".bin")),
  ].filter((group) => group.length > 0);
  const group = groups[Math.floor(which * groups.length)] ?? keys;
  return group[Math.floor(at * group.length)]!;
}

function addOddNames(
  objects: Map<string, Objects extends ReadonlyMap<string, infer V> ? V : never>,
  n: number,
) {
  const odd = { bytes: new Uint8Array(n % 3), ageMs: 1000 };
  const version = String(n).padStart(20, "0");
  for (
    const name of [
      `${version}.json`,
      `${version}.checkpoint.parquet`,
      `${version}.checkpoint.0000000001.0000000002.parquet`,
      `${version}.checkpoint.00000000-0000-4000-8000-000000000000.json`,
      `${version}.${version}.compacted.json`,
      "99999999999999999999.json",
      "00000000000000000000.json.tmp",
      "_sidecars",
      ".json",
    ].filter((_, i) => (n >> i) % 2 === 0)
  ) objects.set(`_delta_log/${name}`, odd);
}
