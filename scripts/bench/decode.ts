/**
 * Measures the encoder on one file of records: `bun scripts/bench/decode.ts FILE [decode|encode]`.
 * `decode` stops before Parquet is encoded. Records are run in jobs of about 4 MiB, several times.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import type { EncodeJob, TableView } from "../../src/core/encode/encode-job.ts";
import { JobRun } from "../../src/core/encode/job-run.ts";
import { collectionRules } from "../../src/core/encode/mapping.ts";
import { TableCache } from "../../src/core/encode/table-cache.ts";
import { plainFormat } from "../../src/delta/operations/file-format.ts";

const [file, mode = "encode"] = process.argv.slice(2);
if (file === undefined) throw new Error("Usage: decode.ts FILE [decode|encode]");
const bytes = new Uint8Array(readFileSync(file));
const jobBytes = 4 << 20;

const rules = {
  partitionBy: ["_ingestion_date"],
  columnTypes: {},
  includeFields: [],
  excludeFields: [],
  rename: {},
  mask: {},
  maskKey: null,
  keepDocument: false,
  keepTransactionId: false,
  decimalAsString: false,
  columnsMax: 2000,
  depthMax: 32,
};

function jobs(): EncodeJob["batches"][] {
  const cut: EncodeJob["batches"][] = [];
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf(10, Math.min(bytes.length, start + jobBytes));
    const end = found < 0 ? bytes.length : found + 1;
    const position = { topic: "bench", partition: 0, baseOffset: BigInt(start), identity: "0" };
    cut.push([{ framing: "lines", bytes: bytes.subarray(start, end), position }]);
    start = end;
  }
  return cut;
}

const cache = new TableCache(collectionRules({ defaults: rules, overrides: [] }));
let views: TableView[] = [];
let epoch = 0;
for (let round = 0; round < 6; round++) {
  let records = 0;
  const started = performance.now();
  const cpuBefore = process.cpuUsage();
  for (const batches of jobs()) {
    const run = new JobRun({ batches, tables: views, ingestionTimestampMs: 1700000000000 }, cache);
    const result = mode === "decode" && views.length > 0 ? run.decodeOnly() : run.run();
    records += result.counts.records;
    if (views.length > 0) continue;
    views = result.tables.map(({ key, schema, partitionBy }) => ({
      key,
      epoch: ++epoch,
      schema,
      partitionBy,
      watermarks: [],
      mayWiden: true,
      format: plainFormat,
    }));
  }
  const ms = performance.now() - started;
  const cpu = process.cpuUsage(cpuBefore);
  const wall = (ms * 1000 / records).toFixed(2);
  const busy = ((cpu.user + cpu.system) / records).toFixed(2);
  process.stdout.write(`${mode}: ${wall} µs/event, ${busy} µs of CPU\n`);
}
