import { createEncoder } from "../../../src/core/encode/run-encode-job.ts";
import type {
  EncodedTable,
  EncodeJob,
  EncodeResult,
  MappingRules,
  TableView,
} from "../../../src/core/encode/encode-job.ts";
import type { Encoder } from "../../../src/core/encode/serve-encode-jobs.ts";
import type { RecordBatch } from "../../../src/core/event/record-batch.ts";
import type { Value } from "../../../src/delta/columns/column-builder.ts";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import { plainFormat } from "../../../src/delta/operations/file-format.ts";
import { bytesSource, openParquet, readRowGroup } from "../../../src/delta/parquet/reader.ts";
import { assembleParquetFile } from "../../../src/delta/parquet/writer.ts";
import type { StructType } from "../../../src/delta/schema/data-type.ts";
import { mappingRules } from "../../support/mapping-rules.ts";

export type Row = Readonly<Record<string, Value>>;

const encoder = new TextEncoder();
export const ingestionMs = Date.UTC(2026, 0, 31, 12);

/** Lines as a batch of a file that starts at `baseOffset`. */
export function batchOf(lines: readonly (string | Uint8Array)[], baseOffset = 0n): RecordBatch {
  const parts = lines.map((line) => typeof line === "string" ? encoder.encode(line) : line);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length + 1, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
    bytes[at++] = 10;
  }
  const position = { topic: "events", partition: 0, baseOffset, identity: "00112233445566ff" };
  return { framing: "lines", bytes, position };
}

/** Runs one job on a fresh encoder, or on the one given. */
export function runJob(
  lines: readonly (string | Uint8Array)[],
  options: {
    readonly rules?: MappingRules;
    readonly tables?: readonly TableView[];
    readonly encoder?: Encoder;
    readonly baseOffset?: bigint;
  } = {},
): EncodeResult {
  const own = options.encoder ?? createEncoder(options.rules ?? mappingRules());
  const job: EncodeJob = {
    batches: [batchOf(lines, options.baseOffset)],
    tables: options.tables ?? [],
    ingestionTimestampMs: ingestionMs,
  };
  return own.run(job);
}

/** What the pump tells the next job of a table after this result. */
export function viewAfter(table: EncodedTable, changes: Partial<TableView> = {}): TableView {
  const { key, schema, partitionBy, baseEpoch } = table;
  return {
    key,
    epoch: baseEpoch + 1,
    schema,
    partitionBy,
    watermarks: [],
    mayWiden: true,
    format: plainFormat,
    ...changes,
  };
}

/** The only table of a result besides dead letters. */
export function onlyTable(result: EncodeResult): EncodedTable {
  const tables = result.tables.filter(({ key }) => key !== "$dead-letters");
  if (tables.length !== 1) throw new Error(`The result has ${tables.length} tables`);
  return tables[0]!;
}

/** Rows of a table's parts as a reader of the Parquet files finds them, read against `schema`. */
export async function rowsOf(
  table: EncodedTable,
  schema: StructType = table.schema,
): Promise<Row[]> {
  const rows: Row[] = [];
  const written = dataSchema(table, table.schema);
  for (const { rowGroup } of table.parts) {
    const chunks = assembleParquetFile(written, [rowGroup], { createdBy: "test" });
    const file = await openParquet(
      bytesSource(new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer())),
    );
    const wanted = dataSchema(table, schema);
    rows.push(...rowsOfBatch(await readRowGroup(file, 0, wanted), wanted));
  }
  return rows;
}

function dataSchema(table: EncodedTable, schema: StructType): StructType {
  const fields = schema.fields.filter(({ name }) => !table.partitionBy.includes(name));
  return { kind: "struct", fields };
}

/** A Debezium value with `after` as given: text of Extended JSON, or null. */
export function envelope(
  after: string | null,
  changes: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({
    before: null,
    after,
    updateDescription: null,
    source: { db: "shop", collection: "things", ts_ms: 1700000000000 },
    op: "c",
    ts_ms: 1700000000005,
    transaction: null,
    ...changes,
  });
}

/** The columns of a row that are the document's. */
export function documentPart(row: Row): Row {
  const ours = /^_(cdc|kafka|ingestion)_|^_rescued_data$|^_document$/;
  return Object.fromEntries(Object.entries(row).filter(([name]) => !ours.test(name)));
}

/** The rescued values of a row by path. */
export function rescuedOf(row: Row): Record<string, unknown> {
  const text = row["_rescued_data"];
  return typeof text === "string" ? JSON.parse(text) as Record<string, unknown> : {};
}
