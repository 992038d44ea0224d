import type { Engine } from "../../src/delta/engine.ts";
import type { Metadata } from "../../src/delta/log/actions.ts";
import { commit } from "../../src/delta/log/committer.ts";
import { checkpointTable, maintainTable } from "../../src/delta/log/maintenance.ts";
import { loadSnapshot } from "../../src/delta/log/snapshot.ts";
import { requireTableState, type TableState } from "../../src/delta/log/table-state.ts";
import { optimize } from "../../src/delta/operations/optimize.ts";
import { restore } from "../../src/delta/operations/restore.ts";
import { vacuum } from "../../src/delta/operations/vacuum.ts";
import { planVacuum } from "../../src/delta/operations/vacuum-plan.ts";
import { widenTable } from "../../src/delta/operations/widen-table.ts";
import { field, struct, type StructType } from "../../src/delta/schema/data-type.ts";
import { schemaToJson } from "../../src/delta/schema/schema-json.ts";
import { CdcDeltaError, messageOf } from "../../src/errors.ts";
import { signal } from "../support/delta-table.ts";
import { appending, deleting, numberedDays, writeNumbers } from "../support/numbered-rows.ts";
import { batchRows, retentionMs, type TableWorld } from "./table-world.ts";

/** What a process of a kind does again and again. True: it has nothing left to do. */
export type Actor = {
  readonly name: string;
  /** Sinks go on when the others have stopped, until all of their batches are there. */
  readonly isSink: boolean;
  readonly once: (world: TableWorld, engine: Engine) => Promise<boolean>;
};

export const sinks = ["sink-1", "sink-2"] as const;
export const batchesOfSink = 9;

function sink(name: string): Actor {
  return {
    name,
    isSink: true,
    async once(_world, engine) {
      const state = await requireTableState(engine, { signal });
      const batch = Number(state.transactions.get(name)?.version ?? -1n) + 1;
      if (batch >= batchesOfSink) return true;
      const adds = [];
      for (const numbers of batchRows(name, batch)) {
        adds.push(await writeNumbers(engine, numbers, state.schema));
      }
      const draft = appending(adds, { appId: name, version: BigInt(batch) });
      const outcome = await commit(engine, state, draft, { signal });
      if (outcome.kind === "committed") await maintainTable(engine, outcome.state, { signal });
      return false;
    },
  };
}

const optimizer: Actor = {
  name: "optimizer",
  isSink: false,
  async once({ random }, engine) {
    const days = random.chance(0.5) ? [random.pick(numberedDays)] : numberedDays;
    await optimize(engine, {
      targetBytes: random.pick([2_000, 8_000, 1 << 20]),
      where: ({ day }) => (days as readonly (string | null | undefined)[]).includes(day),
      predicate: [],
      signal,
    });
    return false;
  },
};

const vacuumer: Actor = {
  name: "vacuumer",
  isSink: false,
  async once(world, engine) {
    const mode = world.random.chance(0.3) ? "lite" : "full";
    const plan = await planVacuum(engine, { mode, retentionMs: null, force: false, signal });
    // Somebody is asked, or many files are listed.
    const { oldRestores, restMsMax } = world.weather;
    const askedMs = oldRestores ? restMsMax : 120_000;
    if (world.random.chance(0.5)) await engine.clock.sleep(world.random.int(askedMs), signal);
    await vacuum(engine, plan, { signal }).catch((error: unknown) =>
      mendAsTold(world, engine, error)
    );
    return false;
  },
};

const checkpointer: Actor = {
  name: "checkpointer",
  isSink: false,
  async once(_world, engine) {
    await checkpointTable(engine, { signal });
    return false;
  },
};

const restorer: Actor = {
  name: "restorer",
  isSink: false,
  async once(world, engine) {
    const { random, scheduler, landed, weather } = world;
    await engine.clock.sleep(random.int(weather.restMsMax), signal);
    const newest = landed.size - 1;
    const back = 1 + random.int(weather.oldRestores && random.chance(0.6) ? newest : 8);
    const version = Math.max(0, newest - back);
    // A version that the retention protects until long after this restore.
    const goneAtMs = (landed.get(version + 1)?.atMs ?? scheduler.nowMs()) + retentionMs;
    const isSafe = goneAtMs > scheduler.nowMs() + 20 * 60_000;
    if (!isSafe && !weather.oldRestores) return false;
    try {
      await restore(engine, { at: { kind: "version", version }, signal });
      world.log.push(`${scheduler.nowMs()} restored to ${version}`);
    } catch (error) {
      const isGone = error instanceof CdcDeltaError && error.code === "not-found";
      if (isSafe && isGone && world.broken.length === 0) {
        world.faults.push(`version ${version} is within the retention: ${messageOf(error)}`);
      }
      noteTakenBack(world, error);
      await mendAsTold(world, engine, error);
    }
    return false;
  },
};

/** A restore whose files a vacuum took meanwhile says which versions cannot be read for it. */
function noteTakenBack(world: TableWorld, error: unknown): void {
  const told = /The restore \(version (\d+)\) was taken back by version (\d+)/
    .exec(messageOf(error));
  if (!world.weather.oldRestores || told === null) return;
  world.broken.push({ from: Number(told[1]), to: Number(told[2]) - 1 });
}

/**
 * A delete request that was under way while a restore landed may take its files: then whoever finds
 * out says how to put it right, and that has to work.
 */
async function mendAsTold(world: TableWorld, engine: Engine, error: unknown): Promise<void> {
  const told = /^Version (\d+) of .* that are gone|the restore, version (\d+), refers/i
    .exec(messageOf(error));
  const way = /cdcdelta restore .* --version (\d+)/.exec(messageOf(error))?.[1];
  if (!world.weather.oldRestores || told === null || way === undefined) throw error;
  const hole = { from: Number(told[1] ?? told[2]), to: Number.POSITIVE_INFINITY };
  world.broken.push(hole);
  world.log.push(`${world.scheduler.nowMs()} told: ${messageOf(error)}`);
  for (;;) {
    try {
      const { version } = await restore(engine, {
        at: { kind: "version", version: Number(way) },
        signal,
      });
      hole.to = version - 1;
      return;
    } catch (failure) {
      if (!(failure instanceof CdcDeltaError) || !failure.retryable) throw failure;
    }
  }
}

/** Another engine: deletes rows, rewrites files, changes columns and properties. */
const foreigner: Actor = {
  name: "foreigner",
  isSink: false,
  async once(world, engine) {
    const { random } = world;
    const what = random.pick(
      ["inline", "stored", "rewrite", "property", "column", "widen"] as const,
    );
    switch (what) {
      case "inline":
      case "stored":
      case "rewrite": {
        const snapshot = await loadSnapshot(engine, { signal });
        if (snapshot.files.length === 0) return false;
        const part = random.int(5);
        const doomed = (n: number): boolean => n % 5 === part;
        const add = random.pick(snapshot.files);
        const change = await deleting(engine, snapshot, add, doomed, what);
        if (change === null) return false;
        const operationParameters = { predicate: JSON.stringify(change.deleted) };
        await commit(engine, snapshot, { ...change.draft, operationParameters }, { signal });
        return false;
      }
      case "property":
      case "column": {
        const state = await requireTableState(engine, { signal });
        await commit(engine, state, {
          operation: what === "column" ? "ADD COLUMNS" : "SET TBLPROPERTIES",
          operationParameters: {},
          reads: { kind: "blind-append" },
          dataChange: true,
          metadata: what === "column" ? withColumn(state) : withProperty(state, random.int(100)),
        }, { signal });
        return false;
      }
      case "widen": {
        const state = await requireTableState(engine, { signal });
        const options = { strategy: "rewrite", bytesMax: 1 << 30, signal } as const;
        await widenTable(engine, state, widened(state.schema), options);
        return false;
      }
    }
  },
};

function withColumn({ metadata, schema }: TableState): Metadata {
  const added = field(`extra${schema.fields.length}`, { kind: "string" });
  return { ...metadata, schemaString: schemaToJson(struct([...schema.fields, added])) };
}

function withProperty({ metadata }: TableState, value: number): Metadata {
  return { ...metadata, configuration: { ...metadata.configuration, foreign: String(value) } };
}

function widened(schema: StructType): StructType {
  return struct(
    schema.fields.map((one) => one.name === "small" ? { ...one, type: { kind: "long" } } : one),
  );
}

export const actors: readonly Actor[] = [
  ...sinks.map(sink),
  optimizer,
  vacuumer,
  checkpointer,
  restorer,
  foreigner,
];
