/**
 * Measures what Kafka's framing costs the encoder: `bun scripts/bench/kafka-decode.ts FILE [CODEC…]`.
 * FILE holds bare change events, one a line (make-events.ts). They are encoded as lines and as record
 * batches of 16 KiB with Debezium's headers, in turns within one run; the best of the rounds counts.
 *
 * `unpack` is checksum, decompression and the walk over the records; `decode` is that and reading the
 * documents into columns; `encode` is all, Parquet included.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import type { EncodeJob, TableView } from "../../src/core/encode/encode-job.ts";
import { JobRun } from "../../src/core/encode/job-run.ts";
import { collectionRules } from "../../src/core/encode/mapping.ts";
import { TableCache } from "../../src/core/encode/table-cache.ts";
import { plainFormat } from "../../src/delta/operations/file-format.ts";
import {
  createKafkaCursor,
  nextKafkaRecord,
  openKafkaBatches,
} from "../../src/core/event/kafka-record-batches.ts";
import type { RecordBatch } from "../../src/core/event/record-batch.ts";
import {
  kafkaBatchOf,
  kafkaRecordBatch,
  type TestCompression,
} from "../../tests/support/kafka-batches.ts";
import { mappingRules } from "../../tests/support/mapping-rules.ts";

const codecs: readonly TestCompression[] = ["none", "gzip", "snappy", "lz4", "zstd"];
/** Java's producers fill batches of this size unless told otherwise (`batch.size`). */
const batchBytes = 16 << 10;
const jobBytes = 8 << 20;
const rounds = 7;
const headers = [
  ["connectorLogicalName", "cdc"],
  ["taskId", "0"],
  ["connectorName", "mongodb"],
  ["runId", "01a20821-e57f-7b47-b3ff-cc9424efb560"],
].map(([name, value]) => [`__debezium.context.${name}`, value!] as const);

type Jobs = readonly (readonly RecordBatch[])[];

const [file, ...wanted] = process.argv.slice(2);
if (file === undefined) throw new Error("Usage: kafka-decode.ts FILE [CODEC…]");
const lines = readFileSync(file, "utf8").split("\n").filter((line) => line !== "");
const lineBytes = lines.map((line) => new TextEncoder().encode(line));

/** Lines in slices of about a job. */
function slices(bytesMax: number): { readonly from: number; readonly to: number }[] {
  const cut: { from: number; to: number }[] = [];
  let from = 0;
  let size = 0;
  for (const [index, { length }] of lineBytes.entries()) {
    size += length;
    if (size < bytesMax && index + 1 < lineBytes.length) continue;
    cut.push({ from, to: index + 1 });
    from = index + 1;
    size = 0;
  }
  return cut;
}

function lineJobs(): Jobs {
  let baseOffset = 0n;
  return slices(jobBytes).map(({ from, to }) => {
    const bytes = new TextEncoder().encode(`${lines.slice(from, to).join("\n")}\n`);
    const position = { topic: "bench", partition: 0, baseOffset, identity: "0" };
    baseOffset += BigInt(bytes.length);
    return [{ framing: "lines", bytes, position }];
  });
}

function kafkaJobs(compression: TestCompression): Jobs {
  const batches = slices(batchBytes).map(({ from, to }) =>
    kafkaRecordBatch(
      lineBytes.slice(from, to).map((value, i) => ({
        key: `{"id":"${from + i}"}`,
        value,
        headers,
      })),
      { baseOffset: BigInt(from), compression },
    )
  );
  const perJob = Math.ceil(jobBytes / batchBytes);
  const jobs: RecordBatch[][] = [];
  for (let at = 0; at < batches.length; at += perJob) {
    jobs.push([kafkaBatchOf(batches.slice(at, at + perJob))]);
  }
  return jobs;
}

type Contender = {
  readonly name: string;
  readonly jobs: Jobs;
  readonly cache: TableCache;
  views: readonly TableView[];
  /** Best of the rounds, in µs an event. */
  readonly best: { unpack: number; decode: number; encode: number };
};

function contender(name: string, jobs: Jobs): Contender {
  const best = { unpack: Infinity, decode: Infinity, encode: Infinity };
  const rules = mappingRules();
  return { name, jobs, cache: new TableCache(collectionRules(rules)), views: [], best };
}

function unpack(batches: readonly RecordBatch[]): void {
  const cursor = createKafkaCursor();
  for (const batch of batches) {
    if (batch.framing !== "kafka-v2") continue;
    openKafkaBatches(cursor, batch.bytes, batch.position);
    while (nextKafkaRecord(cursor)) continue;
  }
}

function runJob(one: Contender, batches: readonly RecordBatch[], mode: "decode" | "encode"): void {
  const job: EncodeJob = { batches, tables: one.views, ingestionTimestampMs: 1_700_000_000_000 };
  const run = new JobRun(job, one.cache);
  const result = mode === "decode" && one.views.length > 0 ? run.decodeOnly() : run.run();
  if (one.views.length > 0) return;
  one.views = result.tables.map(({ key, schema, partitionBy }) => ({
    key,
    epoch: 1,
    schema,
    partitionBy,
    watermarks: [],
    mayWiden: true,
    format: plainFormat,
  }));
}

const contenders = [
  contender("lines", lineJobs()),
  ...codecs.filter((codec) => wanted.length === 0 || wanted.includes(codec))
    .map((codec) => contender(codec, kafkaJobs(codec))),
];
for (let round = 0; round < rounds; round++) {
  for (const one of contenders) {
    for (const mode of ["unpack", "decode", "encode"] as const) {
      const startedMs = performance.now();
      for (const batches of one.jobs) {
        if (mode === "unpack") unpack(batches);
        else runJob(one, batches, mode);
      }
      const micros = (performance.now() - startedMs) * 1000 / lines.length;
      one.best[mode] = Math.min(one.best[mode], micros);
    }
  }
}
process.stdout.write("framing   bytes/event   unpack   decode   encode   µs/event\n");
for (const { name, jobs, best } of contenders) {
  const bytes = jobs.flat().reduce((sum, batch) => sum + batch.bytes.length, 0) / lines.length;
  const numbers = [best.unpack, best.decode, best.encode].map((us) => us.toFixed(2).padStart(8));
  process.stdout.write(`${name.padEnd(8)} ${bytes.toFixed(0).padStart(12)} ${numbers.join(" ")}\n`);
}
