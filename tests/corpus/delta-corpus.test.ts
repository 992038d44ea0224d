import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import path from "node:path";
import { CdcDeltaError } from "../../src/errors.ts";
import { loadSnapshot, type Snapshot } from "../../src/delta/log/snapshot.ts";
import { featuresBlockingWrite } from "../../src/delta/log/table-features.ts";
import { schemaToJson } from "../../src/delta/schema/schema-json.ts";
import { localStore } from "../../src/delta/storage/local-store.ts";
import { signal, testEngine } from "../support/delta-table.ts";
import { corpus, hasCorpus, manifest, nameOf, oracle, type Row } from "./corpus.ts";
import { filesByProtocol, mustFail, mustRefuseWrite } from "./verdicts.ts";

/** So many tables open today; it may only grow. */
const openedAtLeast = 215;

/** Features whose tables may be refused by name for now, and how the manifest shows them. */
const unsupportedYet: Readonly<Record<string, (row: Row) => boolean>> = {};

function canonicalSchemaHash(snapshot: Snapshot): string {
  const clean = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(clean);
    if (typeof node !== "object" || node === null) return node;
    const entries = Object.entries(node).filter(([key]) => key !== "metadata");
    return Object.fromEntries(entries.sort().map(([key, value]) => [key, clean(value)]));
  };
  const text = JSON.stringify(clean(JSON.parse(schemaToJson(snapshot.schema))));
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

type Outcome = { readonly snapshot: Snapshot } | { readonly error: CdcDeltaError };

async function open(row: Row): Promise<Outcome> {
  const engine = testEngine(() => localStore(path.join(corpus, nameOf(row))));
  try {
    return { snapshot: await loadSnapshot(engine, { signal }) };
  } catch (error) {
    if (!(error instanceof CdcDeltaError)) throw error;
    return { error };
  }
}

/** The variant's relatives are refused along with the feature itself. */
function family(feature: string): string {
  const stable = feature.replace(/-preview$/, "");
  return stable === "variantShredding" ? "variantType" : stable;
}

const opened: string[] = [];
const refused = new Map<string, string[]>();

function checkRefusal(row: Row, error: CdcDeltaError): void {
  const name = nameOf(row);
  const rule = mustFail[name];
  if (rule !== undefined) {
    expect(error.message).toMatch(rule.says);
    expect(error.code).toBe(rule.code);
    refused.set("no reader may open it", [...refused.get("no reader may open it") ?? [], name]);
    return;
  }
  expect(error.message).toContain("cdcdelta does not support");
  expect(error.code).toBe("unsupported");
  const features = new Set(String(error.context["features"]).split(", ").map(family));
  expect(features.size).toBeGreaterThan(0);
  for (const feature of features) {
    expect([name, feature, unsupportedYet[feature]?.(row)]).toEqual([name, feature, true]);
    refused.set(feature, [...refused.get(feature) ?? [], name]);
  }
}

function checkSnapshot(row: Row, snapshot: Snapshot): void {
  const name = nameOf(row);
  const wanted = oracle.get(name);
  expect(mustFail[name]).toBeUndefined();
  expect(String(snapshot.version)).toBe(wanted?.["version"] ?? "no expectation");
  const files = filesByProtocol[name] ?? Number(wanted?.["files"]);
  expect(snapshot.files).toHaveLength(files);
  const schema = wanted?.["schema"] ?? "no expectation";
  if (schema !== "-") expect(canonicalSchemaHash(snapshot)).toBe(schema);
  const partitionColumns = row["partitionColumns"] ?? "";
  // The manifest cuts long lists.
  const listed = snapshot.partitionColumns.join(",");
  expect(partitionColumns.length < 100 ? listed : listed.slice(0, partitionColumns.length))
    .toBe(partitionColumns);
  const writes = featuresBlockingWrite(snapshot, name);
  const refusesWrite = mustRefuseWrite[name];
  if (refusesWrite !== undefined) expect(writes).toContain(refusesWrite);
  checkRows(row, snapshot);
  opened.push(name);
}

/** Where every file tells its rows, DuckDB must have counted as many. */
function checkRows(row: Row, snapshot: Snapshot): void {
  const counted = oracle.get(nameOf(row))?.["rows"] ?? "-";
  const counts = snapshot.files.map(({ stats, deletionVector }) => {
    const records = numRecords(stats);
    return records === null ? null : records - Number(deletionVector?.cardinality ?? 0n);
  });
  if (counted === "-" || !counts.every((count) => count !== null)) return;
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(Number(counted));
}

function numRecords(stats: string | undefined): number | null {
  if (stats === undefined || stats === "") return null;
  // One writer put the text `null` there.
  const value: unknown = JSON.parse(stats)?.numRecords;
  return typeof value === "number" ? value : null;
}

describe.skipIf(!hasCorpus)("the Delta corpus", () => {
  test("has an expectation for every table", () => {
    expect(manifest.length).toBeGreaterThan(200);
    expect(manifest.map(nameOf).filter((name) => !oracle.has(name))).toEqual([]);
  });

  for (const row of manifest) {
    test(nameOf(row), async () => {
      const outcome = await open(row);
      if ("snapshot" in outcome) checkSnapshot(row, outcome.snapshot);
      else checkRefusal(row, outcome.error);
    });
  }

  test("every table was opened or refused by name", () => {
    const names = new Set([...opened, ...[...refused.values()].flat()]);
    expect(manifest.map(nameOf).filter((name) => !names.has(name))).toEqual([]);
    const lines = [...refused].map(([why, tables]) => `  refused, ${why}: ${tables.length}`);
    console.log(
      [`Delta corpus: ${manifest.length}`, `  opened: ${opened.length}`, ...lines].join("\n"),
    );
    expect(opened.length).toBeGreaterThanOrEqual(openedAtLeast);
  });
});
