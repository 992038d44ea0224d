import type { Column } from "../../delta/columns/column.ts";
import { plainFormat } from "../../delta/operations/file-format.ts";
import { toColumn } from "../decode/column-batch.ts";
import type { ColumnNode } from "../decode/column-node.ts";
import { deadLetterPartitionBy, deadLetterSchema, ourColumns } from "../decode/our-columns.ts";
import type { RecordFields, Span } from "../event/change-event.ts";
import { unescapedBytes } from "../event/json-string.ts";
import { headersJson } from "../event/kafka-headers.ts";
import type { KafkaRecord } from "../event/kafka-record.ts";
import { deadLetterTable, type EncodedTable, type TableView } from "./encode-job.ts";
import { ingestionColumns, ourColumn, writePosition } from "./our-rows.ts";
import type { RecordPlace } from "./position-tracker.ts";
import { encodeParts } from "./row-parts.ts";
import { TablePositions } from "./table-positions.ts";

/** More of a key or value than this is cut off in a dead letter. */
export const deadLetterBytesMax = 16 << 20;

const encoder = new TextEncoder();

const withheldNote = "its key and value are withheld, since fields are masked: read the record " +
  "at this row's topic, partition and offset";

/** Records that are no event: kept with their bytes and the reason, exactly once like any row. */
export class DeadLetterTable {
  readonly positions: TablePositions;
  private readonly view: TableView | null;
  private rows: number;
  private readonly nodes: ReadonlyMap<string, ColumnNode>;

  constructor(view: TableView | null) {
    this.view = view;
    this.positions = new TablePositions(view);
    this.rows = 0;
    this.nodes = new Map(deadLetterSchema.fields.map((one) => [one.name, ourColumn(one)]));
  }

  private node(name: string): ColumnNode {
    return this.nodes.get(name)!;
  }

  /**
   * Adds the record at hand. A JSON string is kept as the text it holds: the record's own bytes.
   * `record`: null where records are not Kafka's. `withheld`: only its place and the reason are kept.
   */
  add(
    place: RecordPlace,
    fields: RecordFields,
    reason: string,
    record: KafkaRecord | null,
    withheld: boolean,
  ): void {
    const row = this.rows;
    const { topic, partition, offset } = ourColumns;
    writePosition(row, place, this.node(topic), this.node(partition), this.node(offset));
    const notes = [reason];
    if (withheld) notes.push(withheldNote);
    else {
      this.keep("key", row, fields.key, notes);
      const whole = { buffer: place.bytes, start: place.start, end: place.end };
      this.keep("value", row, fields.value.buffer === null ? whole : fields.value, notes);
    }
    this.setText("error", row, notes.join("; "));
    const headers = record === null || withheld ? null : headersJson(record);
    if (headers !== null) this.setText("headers", row, headers);
    this.positions.add(place);
    this.rows++;
  }

  private setText(name: string, row: number, text: string): void {
    const bytes = encoder.encode(text);
    this.node(name).setBytes(row, bytes, 0, bytes.length);
  }

  private keep(name: string, row: number, span: Span, notes: string[]): void {
    let { buffer, start, end } = span;
    if (buffer === null) return;
    if (name === "key" && buffer[start] === 34) {
      buffer = unescapedBytes(buffer, start);
      start = 0;
      end = buffer.length;
    }
    if (end - start > deadLetterBytesMax) {
      notes.push(`the ${name} has ${end - start} bytes, cut off at ${deadLetterBytesMax}`);
      end = start + deadLetterBytesMax;
    }
    this.node(name).setBytes(row, buffer, start, end);
  }

  /** The result, or null when no record of the job was a dead letter. */
  encode(ingestionMs: number): EncodedTable | null {
    const length = this.rows;
    if (length === 0 && this.positions.droppedRows === 0) return null;
    const schema = this.view?.schema ?? deadLetterSchema;
    const partitionBy = this.view?.partitionBy ?? deadLetterPartitionBy;
    const ingestion = ingestionColumns(ingestionMs, length);
    const columns = schema.fields.map(({ name }): Column => {
      if (name === ourColumns.ingestionTimestamp) return ingestion.timestamp;
      if (name === ourColumns.ingestionDate) return ingestion.date;
      const node = this.nodes.get(name);
      if (node !== undefined) return toColumn(node, length);
      return { kind: "null", length, valid: new Uint8Array(length) };
    });
    return {
      key: deadLetterTable,
      baseEpoch: this.view?.epoch ?? 0,
      schema,
      partitionBy,
      parts: encodeParts(schema, { length, columns }, {
        partitionBy,
        format: this.view?.format ?? plainFormat,
      }),
      rows: length,
      positions: this.positions.ranges(),
      droppedRows: this.positions.droppedRows,
      confirmedWatermarks: this.positions.confirmed(),
      widened: [],
      rescued: [],
      newestSourceMs: null,
      traceparent: null,
    };
  }
}
