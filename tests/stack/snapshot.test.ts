import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { MongoClient } from "mongodb";
import { projectRoot } from "../support/project-root.ts";
import { requirement } from "../support/requirement.ts";
import { type Ended, partsOf, stack, until } from "./stack-command.ts";

setDefaultTimeout(180_000);

const missing = (await stack(["missing"])).stdout.trim().replaceAll("\n", "; ");
const possible = requirement(missing === "", `the stack cannot start: ${missing}`);
const data = mkdtempSync(path.join(tmpdir(), "cdcdelta-snapshot-"));
const lake = path.join(data, "lake");

/** Runs a command on a pseudo-terminal of 100 columns and prints what it drew. */
const onTerminal = `
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    sys.stdout.buffer.write(data)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
`;

type Event = { readonly event: string; readonly [key: string]: unknown };

describe.skipIf(!possible)("cdcdelta snapshot on real servers", () => {
  const urls = { mongodb: "", kafka: "", connect: "" };
  const running = new Set<ChildProcess>();
  let sink: Running | null = null;

  type Running = { readonly child: ChildProcess; readonly ended: Promise<Ended> };

  const main = path.join(projectRoot, "src", "cli", "main.ts");

  /** Starts `cdcdelta ARGS…` from the sources; `seen` gets all of its standard output so far. */
  function start(
    args: readonly string[],
    seen: (stdout: string) => void = () => {},
    { terminal = false } = {},
  ): Running {
    const own = [process.execPath, main, ...args];
    const [command = "", ...rest] = terminal ? ["python3", "-c", onTerminal, ...own] : own;
    const child = spawn(command, rest, {
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: process.env["HOME"] ?? "",
        KAFKA_BOOTSTRAP_SERVERS: urls.kafka,
        KAFKA_CONNECT_URL: urls.connect,
        KAFKA_CONSUMER_GROUP: "snapshot-test",
        KAFKA_TOPIC_PATTERN: "snap\\.shop\\..*",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(child);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => seen(stdout += part));
    child.stderr.setEncoding("utf8").on("data", (part: string) => stderr += part);
    const ended = new Promise<Ended>((resolve) => {
      child.on("close", (status) => {
        running.delete(child);
        resolve({ status, stdout, stderr });
      });
    });
    return { child, ended };
  }

  const snapshot = (...args: string[]): Promise<Ended> => start(["snapshot", ...args]).ended;
  const events = ({ stdout }: Pick<Ended, "stdout">): Event[] =>
    stdout.split("\n").filter((line) => line.endsWith("}")).map((line) => JSON.parse(line));
  const done = (ended: Ended): Event => {
    const last = events(ended).at(-1);
    if (last?.event !== "done") throw new Error(`no result:\n${ended.stdout}${ended.stderr}`);
    return last;
  };

  /** Starts a snapshot and resolves once one of its events is like this. */
  async function startUntil(args: readonly string[], like: Partial<Event>): Promise<Running> {
    let stdout = "";
    const started = start(["snapshot", ...args, "--json"], (text) => stdout = text);
    let over = false;
    void started.ended.then(() => over = true);
    await until(`${JSON.stringify(like)} of ${args.join(" ")}`, () => {
      if (over) throw new Error(`it ended:\n${stdout}`);
      return events({ stdout }).some((event) =>
        Object.entries(like).every(([key, value]) => event[key] === value)
      );
    });
    return started;
  }

  /** Rows of a table that a snapshot wrote, and how many documents they are. */
  async function readRows(collection: string): Promise<{ rows: number; documents: number }> {
    const table = path.join(lake, "shop", collection);
    const { ended } = start(["inspect", table, "--rows", "all", "--format", "ndjson"]);
    const { stdout, stderr, status } = await ended;
    if (status !== 0) throw new Error(stderr);
    const rows = stdout.trim().split("\n").map((line) => JSON.parse(line) as Event)
      .filter((row) => row["_cdc_operation"] === "read");
    return { rows: rows.length, documents: new Set(rows.map((row) => row["_cdc_key"])).size };
  }

  const connector = async (pathAfter: string, put?: object): Promise<unknown> => {
    const answer = await fetch(`${urls.connect}/connectors/snap${pathAfter}`, {
      ...(put === undefined ? {} : { method: "PUT", body: JSON.stringify(put) }),
      headers: { "content-type": "application/json" },
    });
    const text = await answer.text();
    return text === "" ? null : JSON.parse(text);
  };
  const runs = async (state: string): Promise<boolean> => {
    const status = await connector("/status") as {
      readonly connector?: { readonly state: string };
      readonly tasks?: readonly { readonly state: string }[];
    };
    return status.connector?.state === state &&
      status.tasks?.length === 1 && status.tasks.every((task) => task.state === state);
  };

  beforeAll(async () => {
    const up = await stack([
      "up",
      "--only",
      "mongodb,kafka,connect",
      "--ports",
      "auto",
      "--while-pid",
      String(process.pid),
      "--data",
      data,
      "--format",
      "json",
    ]);
    const parts = partsOf(up);
    for (const name of ["mongodb", "kafka", "connect"] as const) {
      urls[name] = parts.get(name)?.url ?? "";
    }
    const mongo = new MongoClient(urls.mongodb);
    const shop = mongo.db("shop");
    const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
    const orders = shop.collection<{ _id: number; status: string }>("orders");
    await orders.insertMany(
      numbers(5000).map((i) => ({ _id: i, status: i % 10 === 0 ? "open" : "paid" })),
    );
    await shop.collection("items").insertMany(numbers(200).map((n) => ({ n })));
    await shop.collection<{ _id: Date }>("days")
      .insertMany(numbers(3).map((i) => ({ _id: new Date(i * 86_400_000) })));
    await shop.collection("secret").insertOne({});
    // Enough of them that a snapshot is still under way when the next command is done.
    await shop.collection("many").insertMany(numbers(30_000).map((n) => ({ n })));
    await mongo.close();
    await connector("/config", {
      "connector.class": "io.debezium.connector.mongodb.MongoDbConnector",
      "tasks.max": "1",
      "mongodb.connection.string": urls.mongodb,
      "topic.prefix": "snap",
      "collection.include.list": "shop\\.(orders|items|days|many)",
      "exactly.once.support": "required",
      "signal.enabled.channels": "source,kafka",
      "signal.data.collection": "shop.signals",
      "signal.kafka.topic": "snap.signals",
      "signal.kafka.bootstrap.servers": urls.kafka,
      "signal.kafka.groupId": "snap-signals",
      "signal.poll.interval.ms": "500",
      "incremental.snapshot.chunk.size": "200",
      "notification.enabled.channels": "sink",
      "notification.sink.topic.name": "snap.notifications",
      "cursor.max.await.time.ms": "100",
    });
    await until("a task that runs", () => runs("RUNNING"));
    await until("the end of the initial snapshot", async () => {
      const { stdout } = await snapshot("--status", "--json");
      return stdout.includes('"state":"completed"');
    });
  });

  afterAll(async () => {
    for (const child of running) child.kill("SIGKILL");
    await stack(["down", "--data", data, "--grace", "5"]);
    rmSync(data, { recursive: true, force: true });
  });

  test("says that nobody writes the tables", async () => {
    const ended = await snapshot("shop.items", "--sink-timeout", "3s");
    expect(ended.stderr).toContain('nobody reads in the consumer group "snapshot-test"');
    expect(ended.stderr).toContain('Start "cdcdelta run"');
    expect(ended.stderr).toContain("shop.items: read, 200 rows");
    expect(ended.status).toBe(1);
  });

  test("ends when the rows of an incremental one are in the table", async () => {
    sink = start(["run", "--base-path", lake, "--flush-interval", "1s", "--http-port", "off"]);
    const ended = await snapshot("shop.orders", "shop.items", "--json");
    expect(done(ended)).toMatchObject({
      ok: true,
      until: "tables",
      collections: [
        { collection: "shop.orders", state: "scanned", rows: 5000, rowsExact: true },
        { collection: "shop.items", state: "scanned", rows: 200, rowsExact: true },
      ],
    });
    expect(ended.status).toBe(0);
    // The initial snapshot and this one; no wait but the command's own.
    expect(await readRows("orders")).toEqual({ rows: 10_000, documents: 5000 });
    // And the one of the test before, which nobody had waited for.
    expect(await readRows("items")).toEqual({ rows: 600, documents: 200 });
  });

  test("reads only the documents that match", async () => {
    const before = (await readRows("orders")).rows;
    const where = '{"status": "open", "_id": {"$lt": {"$numberInt": "1000"}}}';
    const incremental = await snapshot("shop.orders", "--where", where, "--json");
    expect(done(incremental)).toMatchObject({ ok: true, collections: [{ rows: 100 }] });
    expect((await readRows("orders")).rows).toBe(before + 100);
    const more = ["--where", `shop.orders=${where}`, "--type", "blocking", "--json"];
    const blocking = await snapshot("shop.orders", ...more);
    expect(done(blocking)).toMatchObject({ ok: true, type: "blocking" });
    expect((await readRows("orders")).rows).toBe(before + 200);
  });

  test("follows a blocking one into the tables", async () => {
    const before = await readRows("days");
    const ended = await snapshot("shop.days", "shop.items", "--type", "blocking");
    expect(ended.stdout).toMatch(/^shop\.days +read +about \d+/m);
    expect(ended.stdout).toContain("All rows are in the tables after");
    expect(ended.status).toBe(0);
    expect(await readRows("days")).toEqual({ rows: before.rows + 3, documents: 3 });
  });

  test("draws a bar for each collection and for the tables on a terminal", async () => {
    const ended = await start(["snapshot", "shop.orders", "shop.items"], () => {}, {
      terminal: true,
    }).ended;
    expect(ended.stdout).toMatch(/shop\.orders +\[#+-+\] +\d+% {2}about [\d,]+ rows/);
    expect(ended.stdout).toMatch(/shop\.orders +\[#{16}\] 100% {2}5,000 rows {2}[\d,]+\/s/);
    expect(ended.stdout).toMatch(/shop\.items +\[#{16}\] 100% {2}200 rows/);
    expect(ended.stdout).toMatch(/into the tables +\[#{16}\] 100% {2}0 offsets to go/);
    expect(ended.stdout).toContain("All rows are in the tables after");
    // The cursor is shown again.
    expect(ended.stdout).toContain("\u001b[?25h");
    expect(ended.status).toBe(0);
  });

  test("fails when a collection was not read, though Debezium says completed", async () => {
    const ended = await snapshot("shop.days", "--json");
    expect(done(ended)).toMatchObject({
      ok: false,
      collections: [{ state: "failed", status: "UNKNOWN_SCHEMA" }],
    });
    expect(ended.status).toBe(1);
  });

  test("refuses what the connector does not capture", async () => {
    const ended = await snapshot("shop.secret", "shop.orders");
    expect(ended.stderr).toContain("no signal was sent");
    expect(ended.stderr).toContain("shop.secret is not captured by the connector snap");
    expect(ended.status).toBe(1);
  });

  test("two at a time are both followed to their end", async () => {
    const before = (await readRows("many")).rows;
    // Large enough to be still under way when the second is asked for.
    const first = await startUntil(["shop.many"], { event: "answered", joined: false });
    const second = await snapshot("shop.many", "shop.items", "--json");
    expect(done(second)).toMatchObject({ ok: true });
    expect(events(second)).toContainEqual(expect.objectContaining({ joined: true }));
    expect(done(await first.ended)).toMatchObject({ ok: true });
    expect((await readRows("many")).rows).toBe(before + 60_000);
  });

  test("is paused, resumed and stopped", async () => {
    const following = await startUntil(["shop.many"], { event: "collection" });
    expect(await snapshot("--pause")).toMatchObject({ status: 0, stdout: "shop.many: paused\n" });
    const status = JSON.parse((await snapshot("--status", "--json")).stdout);
    expect(status.snapshots[0]).toMatchObject({
      state: "paused",
      collections: [{ collection: "shop.many", status: "running" }],
    });
    expect(await snapshot("--resume")).toMatchObject({ status: 0 });
    expect(await snapshot("--stop")).toMatchObject({ status: 0, stdout: "shop.many: stopped\n" });
    const ended = await following.ended;
    expect(done(ended)).toMatchObject({ ok: false, collections: [{ state: "failed" }] });
    expect(events(ended).map(({ event }) => event)).toContain("paused");
    expect(ended.status).toBe(1);
  });

  test("is stopped while it is paused", async () => {
    const following = await startUntil(["shop.many"], { event: "collection" });
    await snapshot("--pause");
    expect(await snapshot("--stop")).toMatchObject({ status: 0, stdout: "shop.many: stopped\n" });
    expect((await following.ended).status).toBe(1);
  });

  test("says that there is nothing to stop", async () => {
    const ended = await snapshot("--stop", "--timeout", "3s");
    expect(ended.stderr).toContain("no incremental snapshot is running");
    expect(ended.status).toBe(1);
  });

  test("goes on when its follower is interrupted", async () => {
    const following = await startUntil(["shop.orders"], { event: "collection" });
    following.child.kill("SIGINT");
    const { status, stderr } = await following.ended;
    expect(stderr).toContain("Its state: cdcdelta snapshot --status");
    expect(status).toBe(130);
    await until("the end of what was asked for", async () => {
      const { stdout } = await snapshot("--status", "shop.orders", "--json");
      return JSON.parse(stdout).snapshots[0].state === "completed";
    });
  });

  test("does not wait when told so", async () => {
    const ended = await snapshot("shop.items", "--no-wait");
    expect(ended.stdout).toContain("is running. Its state: cdcdelta snapshot --status");
    expect(ended.status).toBe(0);
  });

  test("explains a signal that nobody answered", async () => {
    const flags = ["--topic-prefix", "other", "--no-wait", "--timeout", "3s"];
    const wrong = await snapshot("shop.items", ...flags);
    expect(wrong.stderr).toContain("Nobody answered the incremental snapshot signal");
    expect(wrong.stderr).toContain("the connector's topic.prefix is snap, not other");
    expect(wrong.status).toBe(1);
    await connector("/pause", {});
    await until("a pause", () => runs("PAUSED"));
    const paused = await snapshot("shop.items");
    expect(paused.stderr).toContain("the connector snap is PAUSED, not RUNNING");
    expect(paused.status).toBe(1);
  });

  test("left a sink behind that ends well", async () => {
    sink?.child.kill("SIGTERM");
    expect((await sink?.ended)?.status).toBe(0);
  });
});
