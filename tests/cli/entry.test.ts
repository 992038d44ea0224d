import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { field, struct } from "../../src/delta/schema/data-type.ts";
import { localStore } from "../../src/delta/storage/local-store.ts";
import { testEngine } from "../support/delta-table.ts";
import { projectRoot } from "../support/project-root.ts";
import { optional } from "../support/requirement.ts";
import { appendRows } from "../support/written-table.ts";

const main = path.join(projectRoot, "src", "cli", "main.ts");
const deno = path.join(projectRoot, "node_modules", ".bin", "deno");
const runtimes: readonly (readonly [string, readonly string[]])[] = [
  ["bun", [process.execPath, main]],
  ["deno", [deno, "run", "-A", main]],
];

let folder = "";
let table = "";

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-entry-"));
  table = path.join(folder, "table");
  const schema = struct([field("id", { kind: "long" }), field("text", { kind: "string" })]);
  const text = "x".repeat(100);
  const rows = Array.from({ length: 20_000 }, (_, i) => ({ id: BigInt(i), text }));
  const written = { schema, partitionColumns: [] };
  await appendRows(testEngine(() => localStore(table)), null, written, {
    partitionValues: {},
    rows,
  });
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Only what the process itself needs, so that no setting of this machine gets in. */
const env = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "" };

describe.each(runtimes)("src/cli/main.ts under %s", (_runtime, [command = "", ...args]) => {
  const cdcdelta = (...argv: readonly string[]): ReturnType<typeof spawnSync> =>
    spawnSync(command, [...args, ...argv], {
      cwd: folder,
      env,
      encoding: "utf8",
      maxBuffer: 1 << 26,
    });

  test("prints results on standard output and exits with 0", () => {
    const { status, stdout, stderr } = cdcdelta("inspect", table, "--format", "json");
    expect([status, stderr]).toEqual([0, ""]);
    expect(JSON.parse(String(stdout))).toMatchObject({ version: 0, numRecords: 20_000 });
  });

  test("prints everything before it exits", () => {
    const { status, stdout } = cdcdelta("inspect", table, "--rows", "all", "--format", "ndjson");
    expect(status).toBe(0);
    expect(String(stdout).trimEnd().split("\n").length).toBe(20_000);
  });

  test("exits with 2 for wrong usage and 1 for a failure, without a stack trace", () => {
    const usage = cdcdelta("run", "--sorce", "x");
    expect([usage.status, usage.stdout]).toEqual([2, ""]);
    expect(String(usage.stderr)).toContain("did you mean --source?");
    const failure = cdcdelta("inspect", path.join(folder, "none"));
    expect([failure.status, failure.stdout]).toEqual([1, ""]);
    expect(String(failure.stderr)).toMatch(/^cdcdelta: [^\n]+\n$/);
  });

  test("exits with 0 when the reader of standard output goes away", async () => {
    const argv = [...args, "inspect", table, "--rows", "all", "--format", "ndjson"];
    const child = spawn(command, argv, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => stderr += chunk.toString());
    child.stdout.once("data", () => child.stdout.destroy());
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect([code, stderr]).toEqual([0, ""]);
  });
});

/** Follows a file, sends SIGTERM once its rows are committed, and waits for the end. */
async function stopped(name: string): Promise<{
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}> {
  const source = path.join(folder, `${name}.ndjson`);
  cpSync(path.join(projectRoot, "examples", "events", "stores.schemas.ndjson"), source);
  const [, [command = "", ...args]] = runtimes[0] ?? ["", []];
  const flags = ["--follow", "--flush-rows", "1", "--workers", "1", "--format", "json"];
  const argv = [
    ...args,
    "run",
    "--source",
    source,
    "--base-path",
    path.join(folder, "f"),
    ...flags,
  ];
  const child = spawn(command, argv, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => stdout += chunk.toString());
  let sent = false;
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
    if (!stderr.includes('"event":"committed"') || sent) return;
    sent = true;
    child.kill("SIGTERM");
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  return { code, stdout, stderr };
}

test("SIGTERM ends a followed source in good order, with the result and 0", async () => {
  const { code, stdout, stderr } = await stopped("once");
  expect([code, stderr.match(/"level":"error"/)]).toEqual([0, null]);
  expect(JSON.parse(stdout)).toMatchObject({ stopped: true, rows: 5 });
});

/** Runs a command on a pseudo-terminal of 100 columns and prints what it drew. */
const ptyScript = `
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
out = b""
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    out += data
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(out)
sys.exit(os.waitstatus_to_exitcode(status))
`;

const python = spawnSync("python3", ["-c", "import pty"]).status === 0;
const canDraw = optional(python, "python3 is not there: the progress bar is not tried");

test.skipIf(!canDraw)("a terminal shows a progress bar and the result, and no JSON", () => {
  const events = path.join(projectRoot, "examples", "events");
  if (!existsSync(events)) throw new Error("examples/events is missing");
  const [, [command = "", ...args]] = runtimes[0] ?? ["", []];
  const run = ["run", "--source", events, "--base-path", path.join(folder, "lake")];
  const argv = ["-c", ptyScript, command, ...args, ...run];
  const { status, stdout } = spawnSync("python3", argv, { cwd: folder, env, encoding: "utf8" });
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /\[#+-*\] +\d+% {2}[\d,]+ events {2}[\d,]+\/s {2}\d tables? {2}last commit/,
  );
  expect(stdout).toContain("shop.orders");
  expect(stdout).toMatch(/\d\d:\d\d:\d\d warn /);
  expect(stdout).not.toContain('{"time"');
  // The cursor is shown again, lines wrap again.
  expect(stdout.lastIndexOf("\u001b[?25h")).toBeGreaterThan(stdout.lastIndexOf("\u001b[?25l"));
  expect(stdout.lastIndexOf("\u001b[?7h")).toBeGreaterThan(stdout.lastIndexOf("\u001b[?7l"));
});
