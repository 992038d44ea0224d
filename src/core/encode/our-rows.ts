import type { Column } from "../../delta/columns/column.ts";
import type { StructField } from "../../delta/schema/data-type.ts";
import { toColumn } from "../decode/column-batch.ts";
import { ColumnNode, kindInteger, kindString, kindTimestamp } from "../decode/column-node.ts";
import { columnKindOf } from "../decode/column-types.ts";
import { setMicros } from "../decode/type-ladder.ts";
import type { RecordPlace } from "./position-tracker.ts";

/** A column of ours, outside of the documents' tree. */
export function ourColumn(field: StructField): ColumnNode {
  const node = new ColumnNode(field.name, new Uint8Array(0), null);
  const { kind, precision, scale } = columnKindOf(field.type);
  node.kind = kind;
  node.precision = precision;
  node.scale = scale;
  node.grow(1);
  return node;
}

/** Writes topic, partition and offset of the record at hand. */
export function writePosition(
  row: number,
  place: RecordPlace,
  topic: ColumnNode,
  partition: ColumnNode,
  offset: ColumnNode,
): void {
  const { topicBytes, id } = place.partition;
  topic.setBytes(row, topicBytes, 0, topicBytes.length);
  partition.setInt(row, id.partition);
  offset.setLong(row, place.low | 0, place.high | 0);
}

const msPerDay = 86400000;

/** `_ingestion_timestamp` and `_ingestion_date`: one value for all rows of a flush. */
export function ingestionColumns(ms: number, length: number): { timestamp: Column; date: Column } {
  const timestamp = new ColumnNode("", new Uint8Array(0), null);
  timestamp.kind = kindTimestamp;
  const date = new ColumnNode("", new Uint8Array(0), null);
  date.kind = kindInteger;
  timestamp.grow(length);
  date.grow(length);
  const day = Math.floor(ms / msPerDay);
  for (let row = 0; row < length; row++) {
    setMicros(timestamp, row, ms);
    date.setInt(row, day);
  }
  return { timestamp: toColumn(timestamp, length), date: toColumn(date, length) };
}

/** A string column for a partition column that no record had a value for. */
export function emptyTextColumn(length: number): Column {
  const node = new ColumnNode("", new Uint8Array(0), null);
  node.kind = kindString;
  return toColumn(node, length);
}
