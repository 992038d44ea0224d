import type { Engine } from "../../src/delta/engine.ts";
import { batchToNdjson } from "../../src/delta/columns/row-json.ts";
import { loadSnapshot } from "../../src/delta/log/snapshot.ts";
import { scannedSchema, scanSnapshot } from "../../src/delta/operations/scan.ts";
import { type ObjectStore, subStore } from "../../src/delta/storage/object-store.ts";
import { signal } from "../support/delta-table.ts";
import { lintTable } from "../support/log-linter.ts";

/** What must be the same after any number of kills: nothing that depends on when it was written. */
export type LakeContent = Readonly<
  Record<string, {
    readonly schema: string;
    /** Sorted JSON texts, without the ingestion columns. */
    readonly rows: readonly string[];
    /** Positions, as `appId=version`. */
    readonly positions: readonly string[];
  }>
>;

/** Folders of tables below the base path. */
export async function tablesOf(lake: ObjectStore): Promise<string[]> {
  const tables = new Set<string>();
  for await (const { key } of lake.list("", { signal })) {
    const at = key.indexOf("/_delta_log/");
    if (at > 0) tables.add(key.slice(0, at));
  }
  return [...tables].sort();
}

/** Everything in the tables of a lake. */
export async function contentOf(lake: ObjectStore): Promise<LakeContent> {
  const content: Record<string, LakeContent[string]> = {};
  for (const table of await tablesOf(lake)) content[table] = await tableContent(lake, table);
  return content;
}

async function tableContent(lake: ObjectStore, table: string): Promise<LakeContent[string]> {
  const engine = readingEngine(subStore(lake, table));
  const snapshot = await loadSnapshot(engine, { signal });
  const columns = snapshot.schema.fields.map((field) => field.name)
    .filter((name) => !name.startsWith("_ingestion_"));
  const schema = scannedSchema(snapshot.schema, columns);
  let text = "";
  for await (const batch of scanSnapshot(engine, snapshot, { columns, signal })) {
    text += batchToNdjson(batch, schema);
  }
  return {
    schema: JSON.stringify(snapshot.schema),
    rows: text.split("\n").slice(0, -1).sort(),
    positions: [...snapshot.transactions.values()].map(({ appId, version }) =>
      `${appId}=${version}`
    ).sort(),
  };
}

function readingEngine(store: ObjectStore): Engine {
  const clock = { nowMs: () => Date.now(), sleep: () => Promise.resolve() };
  return { store, clock, random: { uuid: () => crypto.randomUUID(), next: () => 0.5 } };
}

/** A kill between a checkpoint and its hint leaves the older hint, or none: legal, only slower. */
const hintIsOld = /: _last_checkpoint (?:is missing|names \d+, not \d+)$/;

/** What the linter says of all tables of a lake in which a run may have been killed. */
export async function lintLake(lake: ObjectStore): Promise<string[]> {
  const findings: string[] = [];
  for (const table of await tablesOf(lake)) {
    for (const finding of await lintTable(subStore(lake, table))) {
      const told = `${table}: ${finding}`;
      if (!hintIsOld.test(told)) findings.push(told);
    }
  }
  return findings;
}
