import { expect } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { localStore } from "../../src/delta/storage/local-store.ts";
import type { ObjectStore } from "../../src/delta/storage/object-store.ts";
import { contentOf, lintLake } from "../kill/lake.ts";
import {
  type BinaryOptions,
  type EndedProcess,
  runBinary,
  startBinary,
} from "../support/run-binary.ts";

/** A folder of a test's own; `lake` in it is not there yet. */
export type BadFolder = {
  readonly folder: string;
  readonly lake: string;
  readonly store: ObjectStore;
  remove(): void;
};

export function badFolder(): BadFolder {
  const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-bad-"));
  const lake = path.join(folder, "lake");
  return {
    folder,
    lake,
    store: localStore(lake),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** An event of `shop.orders`; a document that is a text is taken as it stands. */
export function event(document: unknown, changes: Readonly<Record<string, unknown>> = {}): string {
  const source = { connector: "mongodb", name: "shop", ts_ms: 1_769_860_800_000 };
  const value = {
    before: null,
    after: typeof document === "string" ? document : JSON.stringify(document),
    source: { ...source, db: "shop", collection: "orders" },
    op: "c",
    ...changes,
  };
  return JSON.stringify({ key: { id: "1" }, value });
}

/** The binary over a file, one thread. */
export function ingest(
  source: string,
  basePath: string,
  options: BinaryOptions & { readonly flags?: readonly string[] } = {},
): Promise<EndedProcess> {
  const { flags = [], ...rest } = options;
  const args = ["run", "--source", source, "--base-path", basePath, "--workers", "1"];
  return runBinary([...args, "--source-id", "bad", ...flags], rest);
}

/** As `ingest`; also the largest memory that was ever its own, in MiB (Linux). */
export async function ingestMeasured(source: string, basePath: string): Promise<{
  readonly ended: EndedProcess;
  readonly peakMiB: number;
}> {
  const args = ["run", "--source", source, "--base-path", basePath, "--workers", "1"];
  const running = startBinary([...args, "--source-id", "bad"]);
  let peakMiB = 0;
  const look = setInterval(() => {
    try {
      const text = readFileSync(`/proc/${running.pid}/status`, "utf8");
      peakMiB = Math.max(peakMiB, Number(/VmHWM:\s+(\d+) kB/.exec(text)?.[1] ?? 0) / 1024);
    } catch {
      // It has ended.
    }
  }, 10);
  try {
    return { ended: await running.ended, peakMiB };
  } finally {
    clearInterval(look);
  }
}

/** The only error of a run that failed: one line, with no stack behind it. */
export function onlyError({ status, stdout, stderr }: EndedProcess): string {
  expect(status).not.toBe(0);
  expect(stdout).toBe("");
  // Neither frames of a stack nor names of our files.
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr).not.toMatch(/\.ts:\d+/);
  const lines = stderr.split("\n").filter((line) => line !== "");
  const errors = lines.filter((line) => !line.startsWith("{") || line.includes('"level":"error"'));
  expect(errors).toHaveLength(1);
  const [line = ""] = errors;
  if (!line.startsWith("{")) return line;
  return (JSON.parse(line) as { readonly message: string }).message;
}

/** Rows of a table by their order in the input, without our columns but `_rescued_data`, parsed. */
export async function rowsOf(store: ObjectStore, table = "shop/orders"): Promise<unknown[]> {
  expect(await lintLake(store)).toEqual([]);
  const rows = (await contentOf(store))[table]?.rows ?? [];
  return rows.map((text) => JSON.parse(text) as Record<string, unknown>)
    .sort((a, b) => Number(a["_kafka_offset"]) - Number(b["_kafka_offset"]))
    .map((row) => {
      const kept = Object.entries(row).filter(([name]) => !/^_(?:cdc|kafka)_/.test(name));
      const { _rescued_data: rescued, ...rest } = Object.fromEntries(kept);
      return typeof rescued === "string" ? { ...rest, rescued: JSON.parse(rescued) } : rest;
    });
}

/** Reasons of the dead letters, in the order of the input. */
export async function reasonsOf(store: ObjectStore): Promise<string[]> {
  return (await rowsOf(store, "_dead_letters")).map((row) => (row as { error: string }).error);
}
