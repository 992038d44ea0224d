/**
 * Measures `cdcdelta run` from Kafka to MinIO beside a plain Python consumer, all on this machine:
 *
 *     bun scripts/bench/kafka.ts [--events 500000] [--partitions 4] [--rate 5000] [--seconds 30]
 *
 * First the throughput of catching up (`--until-latest`), then how fresh rows are while a producer
 * paces events. Needs what CI installs: the stack, and the Python readers with confluent-kafka.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type BenchResult, benchResult, benchText } from "./bench-report.ts";
import { type BenchStack, benchStack } from "./bench-stack.ts";
import { type Freshness, freshnessOf, type LoggedCommit } from "./freshness.ts";
import { writeEvents } from "./make-events.ts";
import { measuredRun } from "./measured-run.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const here = fileURLToPath(new URL("./", import.meta.url));

type Options = {
  readonly events: number;
  readonly baselineEvents: number;
  readonly partitions: number;
  readonly rate: number;
  readonly seconds: number;
  readonly binary: string;
  readonly python: string;
  readonly folder: string;
};

const topicOf = (name: string): string => `bench.shop.${name}`;

async function catchUp(options: Options, stack: BenchStack): Promise<BenchResult[]> {
  const file = join(options.folder, "events.ndjson");
  writeEvents(file, { count: options.events, seed: 7, kcat: true });
  await makeTopic(options, stack, topicOf("orders"));
  await produce(options, stack, [topicOf("orders"), file]);
  const bytes = statSync(file).size;
  const args = [...runArgs(stack, "orders"), "--until-latest", "--format", "json"];
  const run = await measuredRun(options.binary, args, stack.env);
  const rows = (JSON.parse(run.stdout) as { readonly rows: number }).rows;
  if (rows !== options.events) throw new Error(`${options.events} events became ${rows} rows`);
  const commits = commitsOf(run.stderr).map((commit) => commit.latencyMs);
  const input = { events: options.events, bytes };
  const results = [benchResult("cdcdelta", input, run, commits)];
  if (options.baselineEvents > 0) results.push(await baseline(options, stack, bytes));
  return results;
}

async function baseline(options: Options, stack: BenchStack, bytes: number): Promise<BenchResult> {
  const events = Math.min(options.events, options.baselineEvents);
  const table = `s3://${stack.bucket}/python`;
  const args = [join(here, "kafka_baseline.py"), stack.brokers, topicOf("orders"), table];
  const run = await measuredRun(options.python, [...args, String(events)], stack.env);
  const report = JSON.parse(run.stdout) as {
    readonly events: number;
    readonly commitMs: readonly number[];
  };
  const input = { events: report.events, bytes: bytes * report.events / options.events };
  return benchResult("python", input, run, report.commitMs);
}

async function paced(options: Options, stack: BenchStack): Promise<Freshness> {
  const file = join(options.folder, "paced.ndjson");
  writeEvents(file, { count: options.rate * options.seconds, seed: 8, kcat: true });
  await makeTopic(options, stack, topicOf("paced"));
  const args = [...runArgs(stack, "paced"), "--http-port", "off", "--flush-interval", "1s"];
  const child = spawn(options.binary, args, {
    env: { ...process.env, ...stack.env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => log += text);
  const ended = new Promise((resolve) => child.on("close", resolve));
  await produce(options, stack, [topicOf("paced"), file, String(options.rate)]);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  child.kill("SIGTERM");
  await ended;
  return freshnessOf(commitsOf(log));
}

function runArgs({ brokers, bucket }: BenchStack, name: string): string[] {
  const topics = `bench\\.shop\\.${name}`;
  const kafka = ["--kafka-bootstrap-servers", brokers, "--kafka-topic-pattern", topics];
  return ["run", ...kafka, "--kafka-consumer-group", name, "--base-path", `s3://${bucket}/lake`];
}

function commitsOf(log: string): (LoggedCommit & { readonly latencyMs: number })[] {
  return log.split("\n").filter((line) => line.startsWith("{")).flatMap((line) => {
    const entry = JSON.parse(line) as {
      readonly event?: string;
      readonly time: string;
      readonly rows: number;
      readonly latencyMs: number;
      readonly newestSourceMs: number | null;
    };
    if (entry.event !== "committed" || entry.newestSourceMs === null) return [];
    const { rows, latencyMs, newestSourceMs } = entry;
    return [{ timeMs: Date.parse(entry.time), rows, latencyMs, newestSourceMs }];
  });
}

async function makeTopic(options: Options, stack: BenchStack, topic: string): Promise<void> {
  const code = "import sys; from confluent_kafka.admin import AdminClient, NewTopic; " +
    "admin = AdminClient({'bootstrap.servers': sys.argv[1]}); " +
    "made = admin.create_topics([NewTopic(sys.argv[2], int(sys.argv[3]), 1)]); " +
    "[future.result() for future in made.values()]";
  const args = ["-c", code, stack.brokers, topic, String(options.partitions)];
  await measuredRun(options.python, args);
}

async function produce(options: Options, { brokers }: BenchStack, args: string[]): Promise<void> {
  await measuredRun(options.python, [join(here, "kafka_producer.py"), brokers, ...args]);
}

function readOptions(folder: string): Options {
  const { values } = parseArgs({
    options: {
      events: { type: "string", default: "500000" },
      "baseline-events": { type: "string", default: "100000" },
      partitions: { type: "string", default: "4" },
      rate: { type: "string", default: "5000" },
      seconds: { type: "string", default: "30" },
      binary: { type: "string", default: join(root, "dist", "cdcdelta") },
    },
  });
  const cache = process.env["CDCDELTA_CACHE"] ?? join(homedir(), ".cache", "cdcdelta");
  const python = join(cache, "venv", "bin", "python");
  if (!existsSync(python)) throw new Error("Run scripts/readers/install.sh first");
  return {
    events: Number(values.events),
    baselineEvents: Number(values["baseline-events"]),
    partitions: Number(values.partitions),
    rate: Number(values.rate),
    seconds: Number(values.seconds),
    binary: values.binary,
    python,
    folder,
  };
}

const folder = mkdtempSync(join(tmpdir(), "cdcdelta-bench-"));
let stack: BenchStack | null = null;
try {
  const options = readOptions(folder);
  stack = await benchStack(folder);
  process.stdout.write(`${benchText(await catchUp(options, stack))}\n`);
  if (options.rate > 0) {
    const { events, seconds, msP50, msP95, msP99 } = await paced(options, stack);
    const shown = [msP50, msP95, msP99].map((ms) => `${Math.round(ms ?? 0)} ms`).join(" / ");
    process.stdout.write(
      `freshness at ${options.rate} events/s (${events} events, ${seconds.toFixed(0)} s, flush ` +
        `interval 1 s), p50 / p95 / p99: ${shown}\n`,
    );
  }
} finally {
  await stack?.down();
  rmSync(folder, { recursive: true, force: true });
}
