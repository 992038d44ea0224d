import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { optional } from "../support/requirement.ts";
import { projectRoot } from "../support/project-root.ts";

const binary = path.join(projectRoot, "dist", "cdcdelta");
const deno = path.join(projectRoot, "node_modules", ".bin", "deno");
const manifest = path.join(projectRoot, "package.json");
const { version } = JSON.parse(await Bun.file(manifest).text()) as { version: string };

/** The same program in the forms that users start. */
const forms: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  { name: "the binary", command: [binary] },
  {
    name: "deno run",
    command: [deno, "run", "-A", "--quiet", path.join(projectRoot, "src", "cli", "main.ts")],
  },
];
const built = optional(
  existsSync(binary) || process.env["CDCDELTA_REQUIRE_ALL"] === "1",
  "the binary is not built: npm run build",
);

/** Snapshot, insert, update, delete, tombstone and a heartbeat, as Debezium writes them. */
const events = [
  event("r", 1, { _id: 1, name: "Ada", big: { $numberLong: "9223372036854775807" } }),
  event("c", 2, { _id: 2, name: "Grace", tags: ["x", "y"], at: { $date: 1700000000123 } }),
  event("u", 3, { _id: 1, name: "Ada L.", big: 5 }),
  event("d", 4, null),
  { key: { id: "1" }, value: null },
  { key: { serverName: "shop" }, value: { ts_ms: 1700000000999 } },
].map((each) => JSON.stringify(each)).join("\n") + "\n";

function event(
  op: string,
  second: number,
  after: { readonly _id: number; readonly [name: string]: unknown } | null,
): object {
  const ts_ms = 1700000000000 + second * 1000;
  const source = { version: "3.6.1.Final", connector: "mongodb", name: "shop", ts_ms };
  return {
    key: { id: String(after?._id ?? 1) },
    value: {
      before: null,
      after: after === null ? null : JSON.stringify(after),
      updateDescription: null,
      source: { ...source, snapshot: String(op === "r"), db: "shop", collection: "customers" },
      op,
      ts_ms,
    },
  };
}

describe.each(forms.map(({ name, command }) => [name, command] as const))("%s", (name, command) => {
  const skipped = name === "the binary" && !built;

  /** Runs in a folder without sources, with an environment that configures nothing. */
  function run(cwd: string, args: readonly string[], input = ""): {
    readonly status: number | null;
    readonly stdout: string;
    readonly stderr: string;
  } {
    const [file = "", ...first] = command;
    const { HOME = cwd, PATH = "" } = process.env;
    return spawnSync(file, [...first, ...args], {
      cwd,
      input,
      encoding: "utf8",
      env: { HOME, PATH, DENO_NO_UPDATE_CHECK: "1" },
      timeout: 60_000,
    });
  }

  /** A folder of its own for a test, with the events in it. */
  function inFolder(body: (cwd: string) => void): void {
    const cwd = mkdtempSync(path.join(tmpdir(), "cdcdelta-smoke-"));
    try {
      writeFileSync(path.join(cwd, "events.ndjson"), events);
      body(cwd);
    } finally {
      rmSync(cwd, { recursive: true, force: true });
    }
  }

  test.skipIf(skipped)("--version prints the version", () => {
    inFolder((cwd) => {
      const { status, stdout, stderr } = run(cwd, ["--version"]);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout.trim()).toMatch(new RegExp(`^(?:cdcdelta )?${RegExp.escape(version)}`));
    });
  });

  test.skipIf(skipped)("--help names the commands on stdout", () => {
    inFolder((cwd) => {
      const { status, stdout } = run(cwd, ["--help"]);
      expect(status).toBe(0);
      for (const word of ["run", "inspect", "config", "Exit status"]) {
        expect(stdout).toContain(word);
      }
    });
  });

  test.skipIf(skipped)("a wrong flag ends with exit code 2 and an empty stdout", () => {
    inFolder((cwd) => {
      const { status, stdout, stderr } = run(cwd, ["run", "--sauce", "events.ndjson"]);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toContain("--sauce");
    });
  });

  test.skipIf(skipped)("a missing input ends with an exit code that is not 0, and says so", () => {
    inFolder((cwd) => {
      const { status, stdout, stderr } = run(cwd, [
        "run",
        "--source",
        "no.ndjson",
        "--base-path",
        "l",
      ]);
      expect([1, 2]).toContain(status ?? 0);
      expect(stdout).toBe("");
      expect(stderr).toContain("no.ndjson");
    });
  });

  test.skipIf(skipped)("run writes tables, a second run adds nothing, inspect reads them", () => {
    inFolder((cwd) => {
      const args = ["run", "--source", "events.ndjson", "--base-path", "lake", "--workers", "2"];
      const first = run(cwd, args);
      expect(first.stderr).not.toContain("rror:");
      expect(first.status).toBe(0);
      const table = path.join("lake", "shop", "customers");
      const before = inspect(cwd, table);
      expect(before.numRecords).toBe(4);
      expect(before.partitionColumns).toEqual(["_ingestion_date"]);
      expect(before.transactions.length).toBeGreaterThan(0);

      expect(run(cwd, args).status).toBe(0);
      expect(inspect(cwd, table)).toEqual(before);

      const { status, stdout } = run(cwd, [
        "inspect",
        table,
        "--rows",
        "all",
        "--format",
        "ndjson",
      ]);
      expect(status).toBe(0);
      expect(stdout).toContain('"big":9223372036854775807');
      expect(stdout).toContain('"at":"2023-11-14T22:13:20.123000Z"');
      const rows = stdout.trim().split("\n").map((line) => JSON.parse(line) as Row);
      const operations = rows.map((row) => [row._cdc_operation, row.name]);
      expect(operations.sort((a, b) => String(a) < String(b) ? -1 : 1)).toEqual([
        ["delete", null],
        ["insert", "Grace"],
        ["read", "Ada"],
        ["update", "Ada L."],
      ]);
    });
  });

  test.skipIf(skipped)("run --plan writes nothing", () => {
    inFolder((cwd) => {
      const planned = run(cwd, [
        "run",
        "--plan",
        "--source",
        "events.ndjson",
        "--base-path",
        "lake",
      ]);
      expect(planned.status).toBe(0);
      expect(planned.stdout).toContain("customers");
      expect(existsSync(path.join(cwd, "lake", "shop"))).toBe(false);
    });
  });

  test.skipIf(skipped)("run reads standard input that has a source id", () => {
    inFolder((cwd) => {
      const args = ["run", "--source", "-", "--source-id", "pipe", "--base-path", "lake"];
      expect(run(cwd, args, events).status).toBe(0);
      expect(inspect(cwd, path.join("lake", "shop", "customers")).numRecords).toBe(4);
    });
  });

  function inspect(cwd: string, table: string): Inspected {
    const { status, stdout, stderr } = run(cwd, ["inspect", table, "--format", "json"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    return JSON.parse(stdout) as Inspected;
  }
});

type Inspected = {
  readonly version: number;
  readonly numRecords: number;
  readonly partitionColumns: readonly string[];
  readonly transactions: readonly { readonly appId: string; readonly version: number }[];
};

type Row = { readonly _cdc_operation: string; readonly name: string | null };
