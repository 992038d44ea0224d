import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { rowsOfBatch } from "../../src/delta/columns/column-value.ts";
import type { Engine } from "../../src/delta/engine.ts";
import { loadSnapshot } from "../../src/delta/log/snapshot.ts";
import { scanSnapshot } from "../../src/delta/operations/scan.ts";
import { field, struct, type StructType } from "../../src/delta/schema/data-type.ts";
import { localStore } from "../../src/delta/storage/local-store.ts";
import { signal, testEngine } from "./delta-table.ts";
import { appendRows } from "./written-table.ts";

/** A table partitioned by a day, with numbered rows. */
export const numberedSchema: StructType = struct([
  field("n", { kind: "long" }),
  field("text", { kind: "string" }),
  field("day", { kind: "string" }),
]);

/** A new folder for tables. */
export function newLake(): string {
  return mkdtempSync(path.join(tmpdir(), "cdcdelta-tables-"));
}

/** An engine on a local folder whose clock is the real one. */
export function localEngine(table: string): Engine {
  const engine = testEngine(() => localStore(table));
  const clock = { ...engine.clock, nowMs: () => Date.now() };
  return { ...engine, clock, random: { ...engine.random, uuid: () => crypto.randomUUID() } };
}

/** A table with one file for each entry, a commit each; rows count on from 0. */
export async function numberedTable(
  table: string,
  files: readonly (readonly [day: string, rows: number])[],
  configuration: Readonly<Record<string, string>> = {},
): Promise<Engine> {
  const engine = localEngine(table);
  const written = { schema: numberedSchema, partitionColumns: ["day"], configuration };
  let state = null;
  let from = 0;
  for (const [day, count] of files) {
    const rows = Array.from({ length: count }, (_, i) => ({
      n: BigInt(from + i),
      text: `row ${from + i}`,
      day,
    }));
    state = await appendRows(engine, state, written, {
      partitionValues: { day },
      rows,
      txn: BigInt(from),
    });
    from += count;
  }
  return engine;
}

/** The numbers of all rows, sorted. */
export async function numbersOf(engine: Engine): Promise<number[]> {
  const snapshot = await loadSnapshot(engine, { signal });
  const numbers: number[] = [];
  for await (const batch of scanSnapshot(engine, snapshot, { signal })) {
    for (const row of rowsOfBatch(batch, snapshot.schema)) numbers.push(Number(row["n"]));
  }
  return numbers.sort((a, b) => a - b);
}

/** 0, 1, … */
export function counting(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}
