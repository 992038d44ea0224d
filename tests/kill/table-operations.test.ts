import { afterAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, readdirSync, rmSync, utimesSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { loadSnapshot } from "../../src/delta/log/snapshot.ts";
import { cdcdelta } from "../interop/cli-tables.ts";
import { seededRandom } from "../simulation/seeded-random.ts";
import { signal } from "../support/delta-table.ts";
import {
  counting,
  localEngine,
  newLake,
  numberedTable,
  numbersOf,
} from "../support/local-tables.ts";
import { projectRoot } from "../support/project-root.ts";

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const lake = newLake();
afterAll(() => rmSync(lake, { recursive: true }));

const days = ["a", "b", "c", "d", "e", "f"];
const files = Array.from({ length: 60 }, (_, i) => [days[i % days.length] ?? "", 200] as const);
const rows = counting(60 * 200);

function start(args: readonly string[]): ChildProcess {
  const main = path.join(projectRoot, "src", "cli", "main.ts");
  return spawn(process.execPath, [main, ...args], { stdio: "ignore" });
}

function ending(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once("close", () => resolve()));
}

/** Runs cdcdelta from its sources and kills it after so many milliseconds, if it still runs. */
async function killed(args: readonly string[], afterMs: number): Promise<void> {
  const child = start(args);
  const timer = setTimeout(() => child.kill("SIGKILL"), afterMs);
  await ending(child);
  clearTimeout(timer);
}

function dataFiles(table: string): string[] {
  return readdirSync(table, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".parquet") && !name.startsWith("_delta_log"));
}

/** Makes all that lies in the table's folders look old, so that no upload is thought under way. */
function age(table: string): void {
  const longAgo = Date.now() / 1000 - 30 * 86_400;
  for (const name of readdirSync(table, { recursive: true, encoding: "utf8" })) {
    if (!name.startsWith("_delta_log")) utimesSync(path.join(table, name), longAgo, longAgo);
  }
}

describe(`optimize, killed at any time (SEED=${seed})`, () => {
  const ways = [["merged", []], ["in Z-order", ["--z-order", "n,text"]]] as const;
  test.each([...ways])(
    "the table stays what it is, and the next one goes on: %s",
    async (_, way) => {
      const random = seededRandom(seed);
      const table = path.join(lake, "killed");
      const fresh = async () => {
        rmSync(table, { recursive: true, force: true });
        return await numberedTable(table, files);
      };
      await fresh();
      const startedMs = performance.now();
      cdcdelta(["optimize", table, ...way]);
      const tookMs = performance.now() - startedMs;
      for (let round = 0; round < 4; round++) {
        const engine = await fresh();
        for (let kill = 0; kill < 3; kill++) {
          // Loading the program is most of it: only then there is something to kill.
          await killed(["optimize", table, ...way], tookMs * (0.4 + 0.6 * random.next()));
          expect(await numbersOf(engine)).toEqual(rows);
        }
        cdcdelta(["optimize", table, ...way]);
        expect(await numbersOf(engine)).toEqual(rows);
        expect((await loadSnapshot(engine, { signal })).files.length).toBe(days.length);
        age(table);
        cdcdelta(["vacuum", table, "--retention", "0", "--force"]);
        expect(dataFiles(table).length).toBe(days.length);
        expect(await numbersOf(engine)).toEqual(rows);
      }
    },
    240_000,
  );

  test("vacuum too: what is left goes the next time", async () => {
    const random = seededRandom(seed);
    const table = path.join(lake, "vacuumed");
    const engine = await numberedTable(table, files);
    cdcdelta(["optimize", table]);
    age(table);
    const args = ["vacuum", table, "--retention", "0", "--force"];
    for (let kill = 0; kill < 4; kill++) {
      await killed(args, 200 + 500 * random.next());
      expect(await numbersOf(engine)).toEqual(rows);
    }
    cdcdelta(args);
    expect(dataFiles(table).length).toBe(days.length);
    expect(await numbersOf(engine)).toEqual(rows);
  }, 120_000);
});

describe("a run that appends while optimize and checkpoint work", () => {
  test("loses nothing and doubles nothing", async () => {
    const base = path.join(lake, "together");
    const table = path.join(base, "shop", "orders");
    const source = path.join(lake, "events.ndjson");
    const [pieces, linesOfPiece] = [40, 100];
    appendFileSync(source, eventLines(0, linesOfPiece));
    const run = ["run", "--source", source, "--base-path", base];
    cdcdelta(run);
    const child = start([...run, "--follow", "--flush-interval", "200ms"]);
    const ended = ending(child);
    const feeding = (async () => {
      for (let piece = 1; piece < pieces; piece++) {
        appendFileSync(source, eventLines(piece * linesOfPiece, linesOfPiece));
        await sleep(100);
      }
    })();
    for (let i = 0; i < 4; i++) {
      await ending(start(["optimize", table]));
      await ending(start(["checkpoint", table]));
    }
    await feeding;
    child.kill("SIGTERM");
    await ended;
    expect([child.exitCode, child.signalCode]).toEqual([0, null]);
    cdcdelta(run);
    cdcdelta(["optimize", table]);
    expect(await numbersOf(localEngine(table))).toEqual(counting(pieces * linesOfPiece));
    const history = JSON.parse(
      cdcdelta(["inspect", table, "--history", "--format", "json"]),
    ) as { operation: string }[];
    const operations = history.map(({ operation }) => operation).reverse();
    // Both were at work at once: appends came after the first optimize.
    expect(operations.lastIndexOf("STREAMING UPDATE")).toBeGreaterThan(
      operations.indexOf("OPTIMIZE"),
    );
  }, 180_000);
});

function eventLines(from: number, count: number): string {
  return counting(count, from).map((n) => {
    const after = JSON.stringify({ _id: n, n: { $numberLong: String(n) } });
    const source = {
      connector: "mongodb",
      name: "shop",
      db: "shop",
      collection: "orders",
      ts_ms: 1,
    };
    const value = { before: null, after, updateDescription: null, source, op: "c", ts_ms: 1 };
    return `${JSON.stringify({ key: { id: String(n) }, value })}\n`;
  }).join("");
}
