import { createKafkaCursor, type KafkaCursor } from "../event/kafka-record-batches.ts";
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
  private readonly kept: Map<TableKey, CollectionTable>;

  constructor(rulesOf: (key: TableKey) => CollectionRules) {
    this.rulesOf = rulesOf;
    this.kept = new Map();
    this.kafkaCursor = createKafkaCursor();
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
