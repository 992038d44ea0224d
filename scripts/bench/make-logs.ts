import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { batchFromRows } from "../../src/delta/columns/column-builder.ts";
import type { AddFile, Metadata, Protocol } from "../../src/delta/log/actions.ts";
import {
  addRow,
  type CheckpointRow,
  metadataRow,
  protocolRow,
} from "../../src/delta/log/checkpoint-row.ts";
import { checkpointSchema } from "../../src/delta/log/checkpoint-schema.ts";
import { formatLastCheckpoint } from "../../src/delta/log/last-checkpoint.ts";
import {
  classicCheckpointKey,
  commitKey,
  lastCheckpointKey,
} from "../../src/delta/log/log-path.ts";
import { assembleParquetFile, encodeRowGroup } from "../../src/delta/parquet/writer.ts";

/** A table that consists of a log only, which is all that opening one reads. */
export type MadeLog = { readonly commits: number; readonly files: number; readonly bytes: number };

const columns = Array.from({ length: 40 }, (_, i) => `column_${i}`);
/** Columns that the statistics of a stream's files have; those of a checkpoint have all. */
const streamColumns = 20;
const startMs = 1_700_000_000_000;

const metadata: Metadata = {
  id: "6f1e2d3c-0000-4000-8000-000000000001",
  format: { provider: "parquet", options: {} },
  schemaString: JSON.stringify({
    type: "struct",
    fields: [
      ...columns.map((name, i) => ({
        name,
        type: i % 2 === 0 ? "long" : "string",
        nullable: true,
        metadata: {},
      })),
      { name: "day", type: "string", nullable: true, metadata: {} },
    ],
  }),
  partitionColumns: ["day"],
  configuration: {},
  createdTime: startMs,
};
const protocol: Protocol = { minReaderVersion: 1, minWriterVersion: 2 };

/** A log of commits as a stream's sink writes them, without a checkpoint. */
export function makeCommits(
  folder: string,
  { commits, filesEach }: { readonly commits: number; readonly filesEach: number },
): MadeLog {
  mkdirSync(join(folder, "_delta_log"), { recursive: true });
  let bytes = 0;
  for (let version = 0; version < commits; version++) {
    const lines = [commitInfoLine(version), `{"txn":{"appId":"bench","version":${version}}}`];
    if (version === 0) {
      lines.push(JSON.stringify({ protocol }), JSON.stringify({ metaData: metadata }));
    }
    for (let i = 0; i < filesEach; i++) {
      lines.push(JSON.stringify({ add: addOf(version * filesEach + i, streamColumns) }));
    }
    const text = `${lines.join("\n")}\n`;
    bytes += text.length;
    writeFileSync(join(folder, commitKey(version)), text);
  }
  return { commits, files: commits * filesEach, bytes };
}

/** A log of one checkpoint that holds all files, and the commit it was made of. */
export function makeCheckpoint(
  folder: string,
  { files, rowGroupRows }: { readonly files: number; readonly rowGroupRows: number },
): MadeLog {
  mkdirSync(join(folder, "_delta_log"), { recursive: true });
  const schema = checkpointSchema({ stats: true, parsed: [] });
  const groups = [];
  let rows: CheckpointRow[] = [protocolRow(protocol), metadataRow(metadata)];
  for (let i = 0; i < files; i++) {
    rows.push(addRow(addOf(i, columns.length)));
    if (rows.length < rowGroupRows && i < files - 1) continue;
    groups.push(encodeRowGroup(batchFromRows(schema, rows), schema, { codec: "zstd" }));
    rows = [];
  }
  const chunks = assembleParquetFile(schema, groups, { createdBy: "cdcdelta bench" });
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  const [version, size] = [1, files + 2];
  writeFileSync(join(folder, commitKey(version)), `${commitInfoLine(version)}\n`);
  writeFileSync(join(folder, classicCheckpointKey(version)), Buffer.concat(chunks));
  writeFileSync(
    join(folder, lastCheckpointKey),
    formatLastCheckpoint({ version, size, sizeInBytes: bytes, numOfAddFiles: files }),
  );
  return { commits: 1, files, bytes };
}

function commitInfoLine(version: number): string {
  return JSON.stringify({
    commitInfo: {
      timestamp: startMs + version,
      operation: "STREAMING UPDATE",
      operationParameters: { outputMode: "Append", epochId: String(version) },
      isBlindAppend: true,
      operationMetrics: { numAddedFiles: "1", numOutputRows: "1000", numOutputBytes: "123456" },
      engineInfo: "bench",
      txnId: uuid(version),
    },
  });
}

/** One file with bounds and counts of some columns: about 75 bytes of statistics for each. */
function addOf(index: number, columnCount: number): AddFile {
  const counted = columns.slice(0, columnCount);
  const bounds = (end: string): Record<string, string | number> =>
    Object.fromEntries(counted.map((name, i) => [
      name,
      i % 2 === 0 ? index * 1000 + i : `value-${index}-${i}-${end}`,
    ]));
  const stats = JSON.stringify({
    numRecords: 1000,
    minValues: bounds("a"),
    maxValues: bounds("z"),
    nullCount: Object.fromEntries(counted.map((name, i) => [name, i])),
  });
  const day = new Date(startMs + Math.floor(index / 500) * 86_400_000).toISOString().slice(0, 10);
  return {
    path: `day=${day}/part-00000-${uuid(index)}.c000.zstd.parquet`,
    partitionValues: { day },
    size: 123_456 + index % 1000,
    modificationTime: startMs + index,
    dataChange: true,
    stats,
  };
}

/** Looks random, so that it compresses as real names do, and is always the same. */
function uuid(index: number): string {
  const part = (seed: number): string => {
    let x = Math.imul(index ^ seed, 0x9e3779b1) >>> 0;
    x = Math.imul(x ^ (x >>> 15), 0x85ebca6b) >>> 0;
    return (x ^ (x >>> 13)).toString(16).padStart(8, "0").slice(-8);
  };
  const hex = `${part(1)}${part(2)}${part(3)}${index.toString(16).padStart(8, "0")}`;
  return [0, 8, 12, 16, 20].map((at, i) => hex.slice(at, [8, 12, 16, 20, 32][i])).join("-");
}
