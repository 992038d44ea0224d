import type { Span } from "../event/change-event.ts";
import { unescapedText } from "../event/json-string.ts";
import type { CollectionTable } from "./collection-table.ts";
import type { EncodeJob, TableKey, TableView } from "./encode-job.ts";
import type { TableCache } from "./table-cache.ts";

/** The tables that one job writes to, found by the names in its events. */
export class JobTables {
  private readonly job: EncodeJob;
  private readonly cache: TableCache;
  private readonly tables: Map<TableKey, CollectionTable>;
  private last: { db: Uint8Array; collection: Uint8Array; table: CollectionTable } | null;

  constructor(job: EncodeJob, cache: TableCache) {
    this.job = job;
    this.cache = cache;
    this.tables = new Map();
    this.last = null;
  }

  /** In the order they were met. */
  all(): CollectionTable[] {
    return [...this.tables.values()];
  }

  /** What the job was told of a table. */
  viewOf(key: TableKey): TableView | null {
    return this.job.tables.find((view) => view.key === key) ?? null;
  }

  /** The table of an event, null: no such names. Consecutive events are nearly always of one. */
  find(db: Span, collection: Span): CollectionTable | null {
    const { last } = this;
    if (last !== null && isSame(last.db, db) && isSame(last.collection, collection)) {
      return last.table;
    }
    const database = unescapedText(db.buffer!, db.start - 1);
    const name = unescapedText(collection.buffer!, collection.start - 1);
    // Only the name of a collection may have dots, so that the key can be taken apart again.
    if (database === "" || name === "" || database.includes(".")) return null;
    const key = `${database}.${name}`;
    let table = this.tables.get(key);
    if (table === undefined) {
      table = this.cache.take(key, this.viewOf(key));
      this.tables.set(key, table);
    }
    this.last = { db: copyOf(db), collection: copyOf(collection), table };
    return table;
  }
}

function isSame(known: Uint8Array, { buffer, start, end }: Span): boolean {
  if (buffer === null || known.length !== end - start) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== buffer[start + i]) return false;
  return true;
}

function copyOf({ buffer, start, end }: Span): Uint8Array {
  return buffer === null ? new Uint8Array(0) : buffer.slice(start, end);
}
