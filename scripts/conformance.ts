// Opens, reads and writes every table of the Delta corpus (a copy of it) and prints what became of
// them by feature of the protocol; fails when something is not as it should be.
// `npm run conformance`; `-- --list` prints a line a table, `-- --features` leaves out of the table
// what is about logs, types and protocol numbers, as README.md has it.
// CDCDELTA_CORPUS names the folder that holds `delta/MANIFEST.tsv`; default: ../shared/corpus.
import { randomUUID } from "node:crypto";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import type { Engine } from "../src/delta/engine.ts";
import { loadSnapshot, type Snapshot } from "../src/delta/log/snapshot.ts";
import { scanSnapshot } from "../src/delta/operations/scan.ts";
import { localStore } from "../src/delta/storage/local-store.ts";
import { CdcDeltaError, messageOf } from "../src/errors.ts";
import { corpus, hasCorpus, manifest, nameOf, oracle, type Row } from "../tests/corpus/corpus.ts";
import { filesByProtocol, mustFail, withoutRows, writeRefusals } from "../tests/corpus/verdicts.ts";
import {
  exerciseWrites,
  refusalsOf,
  type WriteResults,
  type WriteStep,
  writeSteps,
} from "../tests/corpus/write-table.ts";

const { signal } = new AbortController();

/** What became of a table; `wrong` says what is not as it should be, null when all is. */
type Verdict = {
  readonly read: "rows read" | "log only" | "refused" | "failed";
  readonly write: WriteResults | "refused" | "failed";
  readonly wrong: string | null;
};

function engineOf(folder: string): Engine {
  return {
    store: localStore(folder),
    clock: { nowMs: () => Date.now(), sleep: () => Promise.resolve() },
    random: { uuid: randomUUID, next: Math.random },
  };
}

async function judge(row: Row): Promise<Verdict> {
  const name = nameOf(row);
  const engine = engineOf(path.join(corpus, name));
  const refusal = mustFail[name];
  let snapshot: Snapshot;
  try {
    snapshot = await loadSnapshot(engine, { signal });
  } catch (error) {
    const expected = refusal !== undefined && error instanceof CdcDeltaError &&
      error.code === refusal.code && refusal.says.test(error.message);
    if (expected) return { read: "refused", write: "refused", wrong: null };
    return { read: "failed", write: "failed", wrong: messageOf(error) };
  }
  const wrong = refusal !== undefined
    ? "it opened, and no reader may open it"
    : wrongState(name, snapshot);
  if (wrong !== null) return { read: "failed", write: "failed", wrong };
  const rows = await judgeRows(engine, name, snapshot);
  if (rows.wrong !== null) return { ...rows, write: "failed" };
  return { ...rows, ...await judgeWrites(name, rows.read === "rows read") };
}

/** Writes to a copy of the table, and holds refusals against those that the protocol wants. */
async function judgeWrites(
  name: string,
  readable: boolean,
): Promise<Pick<Verdict, "write" | "wrong">> {
  const folder = path.join(copies, name.replaceAll("/", "_"));
  cpSync(path.join(corpus, name), folder, { recursive: true });
  try {
    const engine = engineOf(folder);
    const snapshot = await loadSnapshot(engine, { signal });
    const write = await exerciseWrites(engine, snapshot, { readable });
    const told = refusalsOf(write);
    const wanted = writeRefusals[name] ?? "";
    const wrong = told === wanted ? null : `refusals are "${told}" instead of "${wanted}"`;
    return { write, wrong };
  } catch (error) {
    return { write: "failed", wrong: messageOf(error) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Holds a snapshot against what delta-rs made of the table. */
function wrongState(name: string, snapshot: Snapshot): string | null {
  const expected = oracle.get(name);
  if (expected === undefined) return "there is no expectation for it";
  if (String(snapshot.version) !== expected["version"]) {
    return `version ${snapshot.version} instead of ${expected["version"]}`;
  }
  const files = filesByProtocol[name] ?? Number(expected["files"]);
  return snapshot.files.length === files
    ? null
    : `${snapshot.files.length} files instead of ${files}`;
}

async function judgeRows(
  engine: Engine,
  name: string,
  snapshot: Snapshot,
): Promise<Pick<Verdict, "read" | "wrong">> {
  const absent = withoutRows[name];
  let rows = 0;
  try {
    for await (const batch of scanSnapshot(engine, snapshot, { signal })) rows += batch.length;
  } catch (error) {
    const isKnown = absent?.test(messageOf(error)) === true;
    return isKnown
      ? { read: "log only", wrong: null }
      : { read: "failed", wrong: messageOf(error) };
  }
  // DuckDB's count, a second opinion.
  const counted = oracle.get(name)?.["rows"] ?? "-";
  if (counted === "-" || rows === Number(counted)) return { read: "rows read", wrong: null };
  return { read: "failed", wrong: `${rows} rows instead of ${counted}` };
}

/** What a table has of the protocol: its features, its kind of checkpoint, its types. */
function traitsOf(row: Row): string[] {
  const listed = (column: string): string[] =>
    (row[column] ?? "").split(/[,+]/).map((one) => one.trim()).filter((one) => one !== "");
  const traits = [
    `protocol ${row["protocol"]}`,
    ...listed("features").map((one) => `feature ${one}`),
    ...listed("checkpoint").filter((one) => one !== "_last").map((one) => `checkpoint ${one}`),
    ...listed("exercises").map((one) => `log ${one}`),
    ...(listed("types").includes("variant") ? ["type variant"] : []),
    "all tables",
  ];
  return [...new Set(traits)];
}

const headings = [
  "",
  "tables",
  "rows read",
  "log only",
  "refused by name",
  ...writeSteps,
  "writes refused by name",
  "failed",
];

function table(verdicts: ReadonlyMap<Row, Verdict>): string {
  const groups = new Map<string, Verdict[]>();
  for (const [row, verdict] of verdicts) {
    for (const trait of traitsOf(row)) groups.set(trait, [...groups.get(trait) ?? [], verdict]);
  }
  const names = [...groups.keys()].filter((name) => name !== "all tables").sort()
    .filter((name) =>
      !process.argv.includes("--features") || /^(?:feature|checkpoint) /.test(name)
    );
  const lines = [...names, "all tables"].map((name) => {
    const found = groups.get(name) ?? [];
    const read = (kind: Verdict["read"]): number => found.filter((v) => v.read === kind).length;
    const did = (step: WriteStep): number =>
      found.filter(({ write }) => typeof write === "object" && write[step].kind === "done").length;
    const counts = [
      found.length,
      read("rows read"),
      read("log only"),
      read("refused"),
      ...writeSteps.map(did),
      found.filter(({ write }) =>
        write === "refused" || (typeof write === "object" && refusalsOf(write) !== "")
      ).length,
      found.filter((verdict) => verdict.wrong !== null).length,
    ];
    return [name, ...counts.map(String)];
  });
  const width = (at: number): number =>
    Math.max(...[headings, ...lines].map((cells) => cells[at]?.length ?? 0));
  const text = (cells: readonly string[]): string =>
    `| ${
      cells.map((cell, at) => at === 0 ? cell.padEnd(width(0)) : cell.padStart(width(at))).join(
        " | ",
      )
    } |`;
  const rule = `|${
    headings.map((_, at) => "-".repeat(width(at) + (at === 0 ? 2 : 1)) + (at === 0 ? "" : ":"))
      .join("|")
  }|`;
  return [text(headings), rule, ...lines.map(text)].join("\n");
}

if (!hasCorpus) process.exit(2);
const copies = mkdtempSync(path.join(tmpdir(), "cdcdelta-conformance-"));
process.on("exit", () => rmSync(copies, { recursive: true, force: true }));
const verdicts = new Map<Row, Verdict>();
for (const row of manifest) verdicts.set(row, await judge(row));
if (process.argv.includes("--list")) {
  for (const [row, { read, write }] of verdicts) {
    const steps = typeof write === "string" ? write : writeSteps.map((step) => {
      const result = write[step];
      return `${step} ${result.kind === "refused" ? `refused (${result.by})` : result.kind}`;
    }).join(", ");
    console.log(`${nameOf(row)}: ${read}; ${steps}`);
  }
}
console.log(table(verdicts));
const wrong = [...verdicts].filter(([, verdict]) => verdict.wrong !== null);
for (const [row, verdict] of wrong) console.error(`WRONG ${nameOf(row)}: ${verdict.wrong}`);
console.log(
  wrong.length === 0
    ? `\nAll ${verdicts.size} tables are as they should be.`
    : `\n${wrong.length} of ${verdicts.size} tables are not as they should be.`,
);
process.exitCode = wrong.length === 0 && verdicts.size > 0 ? 0 : 1;
