import { describe, expect, test } from "bun:test";
import process from "node:process";
import fc from "fast-check";
import { checkpointTable } from "../../../src/delta/log/maintenance.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { requireTableState } from "../../../src/delta/log/table-state.ts";
import type { TransactionDraft } from "../../../src/delta/log/transaction.ts";
import { optimize } from "../../../src/delta/operations/optimize.ts";
import { restore } from "../../../src/delta/operations/restore.ts";
import { vacuum } from "../../../src/delta/operations/vacuum.ts";
import { planVacuum } from "../../../src/delta/operations/vacuum-plan.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";
import { schemaToJson } from "../../../src/delta/schema/schema-json.ts";
import { CdcDeltaError } from "../../../src/errors.ts";
import { dayMs, litterAfterVacuum } from "../../simulation/table-scenes.ts";
import { mustCommit, signal, type TestEngine, testEngine } from "../../support/delta-table.ts";
import {
  appending,
  creation,
  deleting,
  numberedDays,
  numbersAt,
  writeNumbers,
} from "../../support/numbered-rows.ts";

/** Any sequence of operations is held against a plain list of versions and their rows. */
type Command =
  | { readonly kind: "append"; readonly day: number; readonly rows: number }
  | { readonly kind: "add-column" }
  | {
    readonly kind: "delete";
    readonly how: "inline" | "stored" | "rewrite";
    readonly part: number;
    readonly file: number;
  }
  | { readonly kind: "optimize"; readonly targetBytes: number; readonly day: number | null }
  | { readonly kind: "vacuum"; readonly mode: "full" | "lite"; readonly retentionMs: number | null }
  | { readonly kind: "restore"; readonly back: number }
  | { readonly kind: "checkpoint" }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "read"; readonly back: number; readonly byTime: boolean };

const hourMs = 3_600_000;
const logRetentionMs = 3 * dayMs;

const commands: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      day: fc.nat(2),
      rows: fc.integer({ min: 1, max: 4 }),
    }),
  },
  fc.record({ kind: fc.constant("add-column" as const) }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("delete" as const),
      how: fc.constantFrom("inline" as const, "stored" as const, "rewrite" as const),
      part: fc.nat(2),
      file: fc.nat(20),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("optimize" as const),
      targetBytes: fc.constantFrom(2_000, 1 << 20),
      day: fc.option(fc.nat(2)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("vacuum" as const),
      mode: fc.constantFrom("full" as const, "lite" as const),
      retentionMs: fc.constantFrom(null, 0, hourMs),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("restore" as const), back: fc.nat(8) }),
  },
  fc.record({ kind: fc.constant("checkpoint" as const) }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      ms: fc.constantFrom(1000, hourMs, 5 * hourMs, 2 * dayMs, 9 * dayMs),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      back: fc.nat(12),
      byTime: fc.boolean(),
    }),
  },
);

/** The table and what it must hold. */
type World = {
  readonly engine: TestEngine;
  readonly versions: { readonly rows: readonly number[]; readonly atMs: number }[];
  next: number;
  /** What vacuums said they would take. */
  readonly lost: Set<number>;
};

const newest = ({ versions }: World): readonly number[] => versions.at(-1)!.rows;

async function commitRows(
  world: World,
  draft: TransactionDraft,
  rows: readonly number[],
): Promise<void> {
  const base = world.versions.length === 0
    ? null
    : await requireTableState(world.engine, { signal });
  const state = await mustCommit(world.engine, base, draft);
  expect(state.version).toBe(world.versions.length);
  world.versions.push({ rows: rows.toSorted((a, b) => a - b), atMs: world.engine.nowMs });
}

/** An operation made commits that change no row. */
async function follow(world: World, rows = newest(world)): Promise<void> {
  const { version } = await requireTableState(world.engine, { signal });
  while (world.versions.length <= version) {
    world.versions.push({ rows, atMs: world.engine.nowMs });
  }
}

async function obey(world: World, command: Command): Promise<void> {
  const { engine } = world;
  engine.nowMs += 1000;
  switch (command.kind) {
    case "append": {
      const { schema } = await requireTableState(engine, { signal });
      const base = world.next * 300 + command.day * 100;
      world.next += 1;
      const rows = Array.from({ length: command.rows }, (_, i) => base + i);
      const adds = [await writeNumbers(engine, rows, schema)];
      return await commitRows(world, appending(adds), [...newest(world), ...rows]);
    }
    case "add-column": {
      const { metadata, schema } = await requireTableState(engine, { signal });
      const added = field(`extra${schema.fields.length}`, { kind: "string" });
      const schemaString = schemaToJson(struct([...schema.fields, added]));
      return await commitRows(world, {
        ...appending([]),
        operation: "ADD COLUMNS",
        metadata: { ...metadata, schemaString },
      }, newest(world));
    }
    case "delete": {
      const snapshot = await loadSnapshot(engine, { signal });
      const add = snapshot.files[command.file % Math.max(1, snapshot.files.length)];
      if (add === undefined) return;
      const doomed = (n: number): boolean => n % 3 === command.part;
      const change = await deleting(engine, snapshot, add, doomed, command.how);
      if (change === null) return;
      const left = newest(world).filter((n) => !change.deleted.includes(n));
      return await commitRows(world, change.draft, left);
    }
    case "optimize": {
      const day = command.day === null ? null : numberedDays[command.day];
      const where = (values: Readonly<Record<string, string | null>>): boolean =>
        day === null || values["day"] === day;
      await optimize(engine, { targetBytes: command.targetBytes, where, predicate: [], signal });
      return await follow(world);
    }
    case "vacuum":
      return await obeyVacuum(world, command);
    case "restore":
      return await obeyRestore(world, Math.max(0, world.versions.length - 1 - command.back));
    case "checkpoint":
      await checkpointTable(engine, { signal });
      return;
    case "wait":
      engine.nowMs += command.ms;
      return;
    case "read": {
      const version = Math.max(0, world.versions.length - 1 - command.back);
      return await check(world, version, command.byTime);
    }
  }
}

async function obeyVacuum(
  world: World,
  { mode, retentionMs }: Command & { readonly kind: "vacuum" },
): Promise<void> {
  const { engine } = world;
  try {
    const options = { mode, retentionMs, force: true, tellLost: true, signal };
    const plan = await planVacuum(engine, options);
    await vacuum(engine, plan, { signal });
    for (const { first, last } of plan.lost?.versions ?? []) {
      for (let version = first; version <= last; version++) {
        world.lost.add(version);
        await expect(numbersAt(engine, { kind: "version", version })).rejects.toThrow();
      }
    }
  } catch (error) {
    // The log does not reach back to the last vacuum any more.
    if (mode === "full" || !isCode(error, "usage")) throw error;
  }
  await follow(world);
}

async function obeyRestore(world: World, version: number): Promise<void> {
  try {
    await restore(world.engine, { at: { kind: "version", version }, signal });
  } catch (error) {
    if (isCode(error, "usage") && version === world.versions.length - 1) return;
    // No file has to be there for a version that may not be read any more.
    if (isCode(error, "not-found") && !mustBeReadable(world, version)) return;
    throw error;
  }
  await follow(world, world.versions[version]!.rows);
}

const isCode = (error: unknown, code: CdcDeltaError["code"]): boolean =>
  error instanceof CdcDeltaError && error.code === code;

/** Its files are there by what vacuum said, and the log reaches back that far. */
function mustBeReadable({ versions, engine, lost }: World, version: number): boolean {
  const endedMs = versions[version + 1]?.atMs ?? engine.nowMs;
  return !lost.has(version) && endedMs > engine.nowMs - logRetentionMs;
}

async function check(world: World, version: number, byTime: boolean): Promise<void> {
  const { atMs, rows } = world.versions[version]!;
  const isAmbiguous = world.versions[version + 1]?.atMs === atMs;
  const at = byTime && !isAmbiguous
    ? { kind: "timestamp", timestampMs: atMs } as const
    : { kind: "version", version } as const;
  try {
    expect(await numbersAt(world.engine, at)).toEqual([...rows]);
  } catch (error) {
    if (!isCode(error, "not-found") || mustBeReadable(world, version)) throw error;
  }
}

async function play(sequence: readonly Command[], v2: boolean): Promise<void> {
  const engine = testEngine();
  const world: World = { engine, versions: [], next: 0, lost: new Set() };
  await commitRows(
    world,
    creation(engine, {
      "delta.logRetentionDuration": "interval 3 days",
      "delta.deletedFileRetentionDuration": "interval 2 days",
      ...(v2 ? { "delta.checkpointPolicy": "v2" } : {}),
    }),
    [],
  );
  for (const command of sequence) await obey(world, command);
  for (let version = 0; version < world.versions.length; version++) {
    await check(world, version, false);
  }
  expect(await litterAfterVacuum(engine, engine)).toEqual([]);
}

/** What was found once. */
const found: [Command[], boolean][] = [
  // A restore gives up a deletion vector and keeps its data file: only the vector goes.
  [[
    { kind: "append", day: 0, rows: 2 },
    { kind: "delete", how: "stored", part: 0, file: 0 },
    { kind: "restore", back: 1 },
    { kind: "vacuum", mode: "full", retentionMs: 0 },
  ], false],
];

describe("any sequence of operations", () => {
  test("leaves the rows that a list of versions has", async () => {
    const seed = Number(process.env["SEED"] ?? 1);
    const numRuns = Number(process.env["SEEDS"] ?? 40);
    await fc.assert(
      fc.asyncProperty(fc.array(commands, { maxLength: 25, size: "max" }), fc.boolean(), play),
      { seed, numRuns, examples: found },
    );
  }, 1_800_000);
});
