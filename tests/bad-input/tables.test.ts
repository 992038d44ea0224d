import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isBinaryBuilt, startBinary } from "../support/run-binary.ts";
import { type BadFolder, badFolder, event, ingest, onlyError, rowsOf } from "./bad-lake.ts";

const lines = Array.from({ length: 5 }, (_, i) => `${event({ _id: i, a: i })}\n`);
const rows = lines.map((_, i) => ({ _id: i, a: i }));

/** What somebody does to a table behind our back. */
type Damage = (table: string) => void;

const commitFile = (table: string, version: number): string =>
  path.join(table, "_delta_log", `${String(version).padStart(20, "0")}.json`);

function protocol(more: object): Damage {
  return (table) => {
    const version = readdirSync(path.join(table, "_delta_log")).length;
    writeFileSync(commitFile(table, version), `${JSON.stringify({ protocol: more })}\n`);
  };
}

const newer: readonly [string, Damage, RegExp][] = [
  [
    "an unknown reader feature",
    protocol({
      ...{ minReaderVersion: 3, minWriterVersion: 7 },
      ...{ readerFeatures: ["warpDrive"], writerFeatures: ["warpDrive"] },
    }),
    /orders.*warpDrive.*Use a newer/,
  ],
  [
    "an unknown writer feature",
    protocol({ minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ["warpDrive"] }),
    /orders.*warpDrive.*Use a newer/,
  ],
  [
    "an unknown writer version",
    protocol({ minReaderVersion: 1, minWriterVersion: 9 }),
    /orders.*writer version 9.*Use a newer/,
  ],
  [
    "an unknown reader version",
    protocol({ minReaderVersion: 4, minWriterVersion: 9 }),
    /orders.*reader version 4.*Use a newer/,
  ],
];

const corrupt: readonly [string, Damage, RegExp][] = [
  [
    "its first commit is deleted",
    (table) => rmSync(commitFile(table, 0)),
    /orders.*commit 0 is missing.*Restore/,
  ],
  [
    "a commit in the middle is deleted",
    (table) => rmSync(commitFile(table, 1)),
    /orders.*commit 1 is missing.*Restore/,
  ],
  [
    "a commit is cut",
    (table) => truncateSync(commitFile(table, 1), 100),
    /orders.*0001\.json, line 1.*Restore/,
  ],
  [
    "a commit is no JSON",
    (table) => writeFileSync(commitFile(table, 2), "garbage\n"),
    /orders.*0002\.json, line 1.*Restore/,
  ],
];

/** What leaves a table that is whole, without some or all of its rows: they are read again. */
const undone: readonly [string, Damage][] = [
  ["its newest commit is deleted", (table) => rmSync(commitFile(table, 2))],
  ["its log is deleted", (table) => rmSync(path.join(table, "_delta_log"), { recursive: true })],
  ["it is deleted", (table) => rmSync(table, { recursive: true })],
];

describe.skipIf(!isBinaryBuilt())("a table that somebody else changes", () => {
  let at: BadFolder;
  let file = "";
  let table = "";

  beforeEach(() => {
    at = badFolder();
    file = path.join(at.folder, "events.ndjson");
    table = path.join(at.lake, "shop", "orders");
  });

  afterEach(() => at.remove());

  /** Three commits of one row each; two more lines are in the file then. */
  async function threeCommits(): Promise<void> {
    for (const count of [1, 2, 3]) {
      writeFileSync(file, lines.slice(0, count).join(""));
      expect((await ingest(file, at.lake)).status).toBe(0);
    }
    writeFileSync(file, lines.join(""));
  }

  function snapshotOf(folder: string): Record<string, string> {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true });
    return Object.fromEntries(
      files.filter((entry) => entry.isFile()).map((entry) => {
        const name = path.join(entry.parentPath, entry.name);
        return [name, readFileSync(name, "latin1")];
      }),
    );
  }

  test.each([...newer, ...corrupt])("between runs: %s", async (_, damage, wanted) => {
    await threeCommits();
    damage(table);
    const before = snapshotOf(path.join(table, "_delta_log"));
    const ended = await ingest(file, at.lake);
    expect(ended.status).toBe(1);
    expect(onlyError(ended)).toMatch(wanted);
    // Nothing was committed on top of what is not understood.
    expect(snapshotOf(path.join(table, "_delta_log"))).toEqual(before);
  });

  test.each(undone)("between runs: %s; the rows come back", async (_, damage) => {
    await threeCommits();
    damage(table);
    expect((await ingest(file, at.lake)).status).toBe(0);
    expect(await rowsOf(at.store)).toEqual(rows);
  });

  /** Feeds line by line, each a commit; the damage is done after the third. */
  async function damagedOnTheWay(damage: Damage) {
    let flushes = 0;
    const args = ["run", "--source", "-", "--source-id", "bad", "--base-path", at.lake];
    const running = startBinary(
      [...args, "--workers", "1", "--flush-rows", "1", "--log-level", "debug"],
      {
        hasInput: true,
        onLog({ event: name }) {
          if (name !== "flushed") return;
          flushes++;
          if (flushes === 3) damage(table);
          const line = lines[flushes];
          if (line === undefined) running.endInput();
          else running.feed(line);
        },
      },
    );
    running.feed(lines[0] ?? "");
    const ended = await running.ended;
    expect(flushes).toBeGreaterThanOrEqual(3);
    // Debug prints stacks on purpose, so that errors are looked for without them.
    const told = ended.stderr.split("\n").filter((line) => !line.includes('"event":"stack"'));
    return { ...ended, stderr: told.join("\n") };
  }

  test.each([
    ...newer,
    corrupt[3]!,
  ])("during a run: %s", async (_, damage, wanted) => {
    const ended = await damagedOnTheWay(
      damage === corrupt[3]?.[1]
        ? (folder) => writeFileSync(commitFile(folder, 3), "garbage\n")
        : damage,
    );
    expect(ended.status).toBe(1);
    expect(onlyError(ended)).toMatch(wanted instanceof RegExp ? relaxed(wanted) : wanted);
  });

  test.each(undone)("during a run: %s; the next run puts all rows back", async (_, damage) => {
    const ended = await damagedOnTheWay(damage);
    expect([0, 1]).toContain(ended.status ?? -1);
    if (ended.status === 1) expect(onlyError(ended)).toMatch(/orders|standard input/);
    writeFileSync(file, lines.join(""));
    expect((await ingest(file, at.lake)).status).toBe(0);
    expect(await rowsOf(at.store)).toEqual(rows);
  });

  test("its log is a file: told at once", async () => {
    mkdirSync(table, { recursive: true });
    writeFileSync(path.join(table, "_delta_log"), "x");
    writeFileSync(file, lines.join(""));
    const ended = await ingest(file, at.lake, { timeoutMs: 20_000 });
    expect(ended.status).toBe(1);
    expect(onlyError(ended)).toMatch(/is a file; move it away/);
  });
});

/** The damaged commit is another version during a run. */
function relaxed(wanted: RegExp): RegExp {
  return new RegExp(wanted.source.replace("0002", "0003"));
}
