import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { type FakeConnect, pageAnswer, startFakeConnect } from "../../support/fake-connect.ts";
import { projectRoot } from "../../support/project-root.ts";
import { optional } from "../../support/requirement.ts";

setDefaultTimeout(60_000);

/** Types keys into a command on a pseudo-terminal once it asks, and prints what it drew. */
const typing = `
import fcntl, os, pty, struct, sys, termios
wanted, keys = sys.argv[1].encode(), sys.argv[2].encode().decode("unicode_escape").encode()
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[3], sys.argv[3:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
out, typed = b"", False
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    out += data
    if not typed and wanted in out:
        typed = True
        os.write(fd, keys)
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(out)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
`;

const main = path.join(projectRoot, "src", "cli", "main.ts");
const runtimes: readonly (readonly [string, readonly string[]])[] = [
  ["bun", [process.execPath, main]],
  ["deno", [path.join(projectRoot, "node_modules", ".bin", "deno"), "run", "-A", main]],
];
const python = spawnSync("python3", ["-c", "import pty"]).status === 0;
const canType = optional(python, "python3 is not there: questions on a terminal are not tried");

let folder = "";
let fake: FakeConnect | null = null;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-terminal-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(async () => await fake?.stop());

const config = {
  "connector.class": "io.debezium.connector.mongodb.MongoDbConnector",
  "mongodb.connection.string": "${file:/run/secrets/mongodb:uri}",
  "topic.prefix": "new",
};

/** Deploys another `topic.prefix` over what is there, and types the keys at the question. */
async function typed(
  [command = "", ...args]: readonly string[],
  keys: string,
  { wanted = "[y/N]", waits = 0, interval = "5ms" }: {
    readonly wanted?: string;
    /** Times Connect is not ready yet. */
    readonly waits?: number;
    readonly interval?: string;
  } = {},
): Promise<{ readonly code: unknown; readonly screen: string; readonly changes: string[] }> {
  fake = await startFakeConnect({
    fault: (_, index) => index < waits ? pageAnswer(503, "Down") : null,
  });
  const deployed = { ...config, "topic.prefix": "old", "name": "shop" };
  fake.connectors.set("shop", { config: deployed, state: "RUNNING", looks: 0 });
  const file = path.join(folder, "connector.json");
  writeFileSync(file, JSON.stringify({ name: "shop", config }));
  const flags = ["--connect-wait-interval", interval, "--connect-verify-interval", "5ms"];
  const argv = ["deploy-connector", file, "--connect-url", fake.url, ...flags];
  const env = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "" };
  const child = spawn("python3", ["-c", typing, wanted, keys, command, ...args, ...argv], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let screen = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => screen += part);
  const code = await new Promise((resolve) => child.once("close", resolve));
  const changes = fake.calls()
    .filter((call) => !call.startsWith("GET") && !call.includes("/validate"));
  return { code, screen, changes };
}

const question = 'Delete connector "shop" and make it anew? [y/N]';

describe.skipIf(!canType).each(runtimes)("on a terminal under %s", (_, command) => {
  test("y deletes and makes anew", async () => {
    const { code, screen, changes } = await typed(command, "y\\r");
    expect(screen).toContain(question);
    expect([code, changes]).toEqual([
      0,
      ["DELETE /connectors/shop", "PUT /connectors/shop/config"],
    ]);
    expect(screen).toContain('Connector "shop" was deleted and made anew');
  });

  test("n leaves everything as it was", async () => {
    const { code, screen, changes } = await typed(command, "n\\r");
    expect([code, changes]).toEqual([1, []]);
    expect(screen).toContain("Nothing was changed");
  });

  test("so does Ctrl-C, with its own exit code, and Ctrl-D", async () => {
    const cut = await typed(command, "\\x03");
    expect([cut.code, cut.changes]).toEqual([130, []]);
    await fake?.stop();
    const ended = await typed(command, "\\x04");
    expect([ended.code, ended.changes]).toEqual([130, []]);
  });

  test("waiting is shown in one place, not line by line", async () => {
    const { screen } = await typed(command, "n\\r", { waits: 3 });
    const drawn = screen.split("\r\u001b[K");
    expect(drawn.filter((text) => /^Waiting for .*, try \d of 30: /.test(text)).length).toBe(3);
    expect(screen).not.toMatch(/try 1 of 30[^\r]*\n/);
    // What follows starts on a clean line.
    expect(drawn.some((text) => text.startsWith("ok       Kafka Connect"))).toBe(true);
  });

  test("Ctrl-C ends the waiting", async () => {
    const { code, screen, changes } = await typed(command, "\\x03", {
      wanted: "try 1 of 30",
      waits: 30,
      interval: "1h",
    });
    expect([code, changes]).toEqual([130, []]);
    expect(screen).toContain("interrupted");
  });
});
