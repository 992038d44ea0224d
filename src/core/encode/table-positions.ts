import { compareOffsets, highOf, lowOf, recordHash } from "../event/record-position.ts";
import type { PartitionId, PositionRange, TableView, TableWatermark } from "./encode-job.ts";
import {
  emptyRange,
  extendRange,
  type OffsetRange,
  positionRange,
  type RecordPlace,
  type TrackedPartition,
} from "./position-tracker.ts";

/** What a table has of one partition. */
type PartitionRows = {
  readonly partition: TrackedPartition;
  readonly range: OffsetRange;
  readonly watermark: TableWatermark | null;
  readonly watermarkHigh: number;
  readonly watermarkLow: number;
  confirmed: boolean;
};

/** Whether a record's row is new to the table. */
export type Admission = "new" | "dropped" | "changed";

/** Watermarks and rows of one table, partition by partition. */
export class TablePositions {
  private readonly watermarks: readonly TableWatermark[];
  private readonly byIndex: (PartitionRows | undefined)[];
  droppedRows: number;

  constructor(view: TableView | null) {
    this.watermarks = view?.watermarks ?? [];
    this.byIndex = [];
    this.droppedRows = 0;
  }

  /**
   * `dropped` when the table has the record's row; `changed` when the record at the watermark is not
   * the one whose row the table has.
   */
  admit(place: RecordPlace): Admission {
    const rows = this.rowsOf(place.partition);
    if (rows.watermark === null) return "new";
    const order = compareOffsets(place.high, place.low, rows.watermarkHigh, rows.watermarkLow);
    if (order > 0) return "new";
    const { recordHash: expected } = rows.watermark;
    if (order === 0 && expected !== null && rows.partition.hashed) {
      if (recordHash(place.bytes, place.start, place.end) !== expected) return "changed";
      rows.confirmed = true;
    }
    this.droppedRows++;
    return "dropped";
  }

  /** Counts a row of the record at hand. */
  add(place: RecordPlace): void {
    extendRange(this.rowsOf(place.partition).range, place);
  }

  private rowsOf(partition: TrackedPartition): PartitionRows {
    const known = this.byIndex[partition.index];
    if (known !== undefined) return known;
    const watermark = this.watermarkOf(partition.id);
    const rows: PartitionRows = {
      partition,
      range: emptyRange(),
      watermark,
      watermarkHigh: watermark === null ? 0 : highOf(watermark.offset),
      watermarkLow: watermark === null ? 0 : lowOf(watermark.offset),
      confirmed: false,
    };
    this.byIndex[partition.index] = rows;
    return rows;
  }

  /** By identity where there is one, since a renamed file keeps it; else by topic. */
  private watermarkOf(id: PartitionId): TableWatermark | null {
    let highest: TableWatermark | null = null;
    for (const one of this.watermarks) {
      const same = one.partition === id.partition && one.identity === id.identity &&
        (id.identity !== "" || one.topic === id.topic);
      if (same && (highest === null || one.offset > highest.offset)) highest = one;
    }
    return highest;
  }

  ranges(): PositionRange[] {
    return this.rows().filter(({ range }) => range.seen)
      .map(({ partition, range }) => positionRange(partition, range));
  }

  confirmed(): PartitionId[] {
    return this.rows().filter((one) => one.confirmed).map(({ partition }) => partition.id);
  }

  private rows(): PartitionRows[] {
    return this.byIndex.filter((one) => one !== undefined);
  }
}
