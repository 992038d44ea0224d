import type { DataType } from "../schema/data-type.ts";
import { columnBuilder, type Value } from "./column-builder.ts";
import type { Column } from "./column.ts";
import { gatherColumn, nullColumn } from "./gather.ts";

/** A column with the same value in every row, as partition columns are. */
export function constantColumn(value: Value, type: DataType, length: number): Column {
  if (value === null) return nullColumn(length);
  const builder = columnBuilder(type);
  builder.append(value);
  return gatherColumn(builder.finish(), new Int32Array(length));
}
