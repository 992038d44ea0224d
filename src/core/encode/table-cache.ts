import { createKafkaCursor, type KafkaCursor } from "../event/kafka-record-batches.ts";
import { hasMasks } from "../decode/field-mask.ts";
import { CollectionTable } from "./collection-table.ts";
import type { CollectionRules, TableKey, TableView } from "./encode-job.ts";

/** Tables whose buffers are kept between jobs. */
const tablesMax = 64;
/** A job of more bytes leaves its buffers to the garbage collector. */
const jobBytesKept = 64 << 20;

/**
 * What is kept from job to job for its memory: tables with the columns they have already built, and
 * the buffer that Kafka's batches are decompressed into.
 */
export class TableCache {
  readonly kafkaCursor: KafkaCursor;
  private readonly rulesOf: (key: TableKey) => CollectionRules;
  private readonly anyMasks: boolean;
  private readonly kept: Map<TableKey, CollectionTable>;

  /** `anyMasks`: some collection has masked fields. */
  constructor(rulesOf: (key: TableKey) => CollectionRules, anyMasks = false) {
    this.rulesOf = rulesOf;
    this.anyMasks = anyMasks;
    this.kept = new Map();
    this.kafkaCursor = createKafkaCursor();
  }

  /**
   * True when a record that is no row must not be kept as it is, since its collection has masked
   * fields; null: nobody knows its collection, and so it may be one that has.
   */
  withholds(key: TableKey | null): boolean {
    return this.anyMasks && (key === null || hasMasks(this.rulesOf(key)));
  }

  /** An empty table for a view; null: nothing is known of the table yet. */
  take(key: TableKey, view: TableView | null): CollectionTable {
    const known = this.kept.get(key);
    this.kept.delete(key);
    if (known !== undefined && view !== null && known.fits(view)) {
      known.restart(view);
      return known;
    }
    return new CollectionTable(key, this.rulesOf(key), view);
  }

  /** Gives tables back after a job. */
  give(tables: Iterable<CollectionTable>, jobBytes: number): void {
    for (const table of tables) {
      if (jobBytes > jobBytesKept) continue;
      this.kept.set(table.key, table);
      if (this.kept.size <= tablesMax) continue;
      for (const oldest of this.kept.keys()) {
        this.kept.delete(oldest);
        break;
      }
    }
  }
}
