/**
 * Measures what the compaction of yesterday's partition does to a stream: small files in MinIO, and
 * `cdcdelta run` that reads a topic beside them, all on this machine:
 *
 *     bun scripts/bench/compaction.ts [--files 17280] [--rows 50] [--rate 20000] [--seconds 60]
 *
 * Three runs: one whose topic is at rest, one at `--rate` with `--no-compact`, and one that merges
 * meanwhile. Needs what CI installs: the stack, and the Python readers with confluent-kafka.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { percentile } from "./bench-report.ts";
import { type BenchStack, benchStack } from "./bench-stack.ts";
import { writeEvents } from "./make-events.ts";
import { cpuSecondsOf, measuredRun, peakRssOf } from "./measured-run.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const here = fileURLToPath(new URL("./", import.meta.url));

type Options = {
  readonly files: number;
  readonly rows: number;
  readonly rate: number;
  readonly seconds: number;
  readonly flush: string;
  readonly binary: string;
  readonly python: string;
  readonly folder: string;
};

type LogLine = { readonly event?: string; readonly [fact: string]: unknown };

/** A table with rows of today in one file, and the same rows again in many of yesterday. */
async function makeTable(options: Options, stack: BenchStack, name: string): Promise<void> {
  const file = join(options.folder, "seed.ndjson");
  writeEvents(file, { count: options.rows, seed: 7, kcat: true });
  await makeTopic(options, stack, name);
  await produce(options, stack, [`bench.shop.${name}`, file]);
  await measuredRun(options.binary, [...runArgs(stack, name), "--until-latest"], stack.env);
  const client = s3Client(stack);
  const table = `${name}/inventory/customers`;
  const key = (version: number): string =>
    `${table}/_delta_log/${String(version).padStart(20, "0")}.json`;
  const get = async (Key: string): Promise<Uint8Array> => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: stack.bucket, Key }));
    if (Body === undefined) throw new Error(`${Key} is empty`);
    return await Body.transformToByteArray();
  };
  const put = async (Key: string, Body: Uint8Array | string): Promise<void> =>
    void await client.send(new PutObjectCommand({ Bucket: stack.bucket, Key, Body }));
  const first = new TextDecoder().decode(await get(key(0)));
  const { add } = first.split("\n").map((line) => JSON.parse(line || "{}") as { add?: Add })
    .find((action) => action.add !== undefined) ?? {};
  if (add === undefined) throw new Error("no file was written");
  const body = await get(`${table}/${add.path}`);
  const day = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  for (let done = 0, version = 1; done < options.files; version++) {
    const paths = Array.from(
      { length: Math.min(96, options.files - done) },
      (_, i) => `_ingestion_date=${day}/small-${done + i}.parquet`,
    );
    await Promise.all(paths.map((path) => put(`${table}/${path}`, body)));
    const lines = paths.map((path) => {
      return JSON.stringify({ add: { ...add, path, partitionValues: { _ingestion_date: day } } });
    });
    await put(key(version), `${lines.join("\n")}\n`);
    done += paths.length;
  }
  client.destroy();
}

type Add = { readonly path: string };

type Outcome = {
  readonly latencies: readonly number[];
  readonly rssMiB: number;
  readonly cpuSeconds: number;
  readonly compactions: readonly LogLine[];
};

/** Runs it beside a paced producer, or at rest until all is merged. */
async function follow(
  options: Options,
  stack: BenchStack,
  { name, rate, compact }: {
    readonly name: string;
    readonly rate: number;
    readonly compact: boolean;
  },
): Promise<Outcome> {
  await makeTable(options, stack, name);
  const own = compact ? ["--compact-after", "0s", "--compact-quiet", "1s"] : ["--no-compact"];
  const args = [...runArgs(stack, name), ...own, "--http-port", "off", "--log-level", "info"];
  const lines: LogLine[] = [];
  let rest = "";
  const child = spawn(options.binary, [...args, "--flush-interval", options.flush], {
    env: { ...process.env, ...stack.env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) if (part.startsWith("{")) lines.push(JSON.parse(part) as LogLine);
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  const file = join(options.folder, "paced.ndjson");
  const count = rate === 0 ? options.rows : rate * options.seconds;
  writeEvents(file, { count, seed: 8, kcat: true });
  await produce(options, stack, [`bench.shop.${name}`, file, ...rate === 0 ? [] : [String(rate)]]);
  const isMerged = (): boolean => lines.some(({ event }) => event === "compacted");
  for (let waited = 0; waited < 180 && compact && rate === 0 && !isMerged(); waited++) {
    await sleep(1000);
  }
  await sleep(3000);
  const rssMiB = (peakRssOf(child.pid) ?? 0) / 2 ** 20;
  const cpuSeconds = cpuSecondsOf(child.pid) ?? 0;
  child.kill("SIGTERM");
  await ended;
  return {
    latencies: lines.filter(({ event }) => event === "committed").map((line) =>
      Number(line["latencyMs"])
    ),
    rssMiB,
    cpuSeconds,
    compactions: lines.filter(({ event }) => event?.startsWith("compact") === true),
  };
}

function shown(name: string, { latencies, rssMiB, cpuSeconds, compactions }: Outcome): string {
  const [p50, p95, p99, most] = [0.5, 0.95, 0.99, 1].map((at) =>
    Math.round(percentile(latencies, at) ?? 0)
  );
  const merges = compactions.map(({ event, removedFiles, addedFiles, elapsedMs, lag, why }) => {
    const facts = event === "compacted"
      ? [removedFiles, "into", addedFiles, "in ms:", elapsedMs]
      : [lag ?? why];
    return [event, ...facts].map(String).join(" ");
  });
  return `${name}: ${latencies.length} commits, p50 / p95 / p99 / max ${p50} / ${p95} / ${p99} / ` +
    `${most} ms; peak RSS ${rssMiB.toFixed(0)} MiB, ${cpuSeconds.toFixed(1)} s CPU; ` +
    `${merges.join("; ") || "nothing merged"}\n`;
}

function runArgs({ brokers, bucket }: BenchStack, name: string): string[] {
  const topics = `bench\\.shop\\.${name}`;
  const kafka = ["--kafka-bootstrap-servers", brokers, "--kafka-topic-pattern", topics];
  return ["run", ...kafka, "--kafka-consumer-group", name, "--base-path", `s3://${bucket}/${name}`];
}

async function makeTopic(options: Options, stack: BenchStack, name: string): Promise<void> {
  const code = "import sys; from confluent_kafka.admin import AdminClient, NewTopic; " +
    "admin = AdminClient({'bootstrap.servers': sys.argv[1]}); " +
    "made = admin.create_topics([NewTopic(sys.argv[2], 4, 1)]); " +
    "[future.result() for future in made.values()]";
  await measuredRun(options.python, ["-c", code, stack.brokers, `bench.shop.${name}`]);
}

async function produce(options: Options, { brokers }: BenchStack, args: string[]): Promise<void> {
  await measuredRun(options.python, [join(here, "kafka_producer.py"), brokers, ...args]);
}

function s3Client({ env }: BenchStack): S3Client {
  return new S3Client({
    endpoint: env["AWS_ENDPOINT_URL"] ?? "",
    region: "us-east-1",
    forcePathStyle: true,
    credentials: {
      accessKeyId: env["AWS_ACCESS_KEY_ID"] ?? "",
      secretAccessKey: env["AWS_SECRET_ACCESS_KEY"] ?? "",
    },
  });
}

function readOptions(folder: string): Options {
  const { values } = parseArgs({
    options: {
      files: { type: "string", default: "17280" },
      rows: { type: "string", default: "50" },
      rate: { type: "string", default: "20000" },
      seconds: { type: "string", default: "60" },
      flush: { type: "string", default: "1s" },
      binary: { type: "string", default: join(root, "dist", "cdcdelta") },
    },
  });
  const cache = process.env["CDCDELTA_CACHE"] ?? join(homedir(), ".cache", "cdcdelta");
  const python = join(cache, "venv", "bin", "python");
  if (!existsSync(python)) throw new Error("Run scripts/readers/install.sh first");
  const { files, rows, rate, seconds, flush, binary } = values;
  const numbers = { files: Number(files), rows: Number(rows), rate: Number(rate) };
  return { ...numbers, seconds: Number(seconds), flush, binary, python, folder };
}

const folder = mkdtempSync(join(tmpdir(), "cdcdelta-bench-"));
let stack: BenchStack | null = null;
try {
  const options = readOptions(folder);
  stack = await benchStack(folder);
  const { rate } = options;
  for (
    const [title, run] of [
      ["at rest, merging", { name: "rest", rate: 0, compact: true }],
      [`${rate} events/s, --no-compact`, { name: "left", rate, compact: false }],
      [`${rate} events/s, merging`, { name: "merged", rate, compact: true }],
    ] as const
  ) process.stdout.write(shown(title, await follow(options, stack, run)));
} finally {
  await stack?.down();
  rmSync(folder, { recursive: true, force: true });
}
