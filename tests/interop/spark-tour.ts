import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { rowsOfBatch } from "../../src/delta/columns/column-value.ts";
import { loadSnapshot } from "../../src/delta/log/snapshot.ts";
import { parseCommit } from "../../src/delta/log/action-json.ts";
import type { AddFile, RemoveFile } from "../../src/delta/log/actions.ts";
import { deletionVectorKey } from "../../src/delta/log/deletion-vector.ts";
import { listLog } from "../../src/delta/log/log-reader.ts";
import { requireTableState } from "../../src/delta/log/table-state.ts";
import { openChangeFeed } from "../../src/delta/operations/change-feed.ts";
import { scanSnapshot } from "../../src/delta/operations/scan.ts";
import { bindSelection } from "../../src/delta/operations/select-rows.ts";
import { cli } from "../cli/fake-world.ts";
import { firstDifference } from "../support/compare-rows.ts";
import { signal } from "../support/delta-table.ts";
import { localEngine } from "../support/local-tables.ts";
import { type NormalRow, normalRows, type NormalValue } from "../support/normal-form.ts";
import type { SparkSession } from "../support/spark-session.ts";
import type { QueryReader, TableQueries } from "../support/table-queries.ts";
import { appendRows } from "../support/written-table.ts";
import type { AppendedRow, SparkMade } from "./spark-made.ts";

/** One table on its way through the operations of two engines, and all that look at it. */
export type Tour = {
  readonly one: SparkMade;
  /** Statements of Spark, `{t}` being the table. */
  sql(statement: string): Promise<readonly (readonly unknown[])[]>;
  /** The same in normal form. */
  normal(statement: string): Promise<readonly NormalRow[]>;
  /** Rows as Spark reads them, with their ids where they have any. */
  sparkRows(): Promise<readonly NormalRow[]>;
  version(): Promise<number>;
  /** Runs cdcdelta on the table; what it prints, as JSON. Throws what it says when it fails. */
  run(command: string, ...flags: readonly string[]): Promise<unknown>;
  /** Adds a row of ours. */
  append(row: AppendedRow): Promise<void>;
  /** What differs from these rows for any reader, by reader; empty: nothing. */
  differences(rows: readonly NormalRow[]): Promise<Readonly<Record<string, string>>>;
  /** What differs between the changes of these versions as Spark and we read them; null: nothing. */
  changeDifference(from: number, to: number): Promise<string | null>;
  /** Files that are there though the table no longer has them, and no version needs them. */
  leftovers(): Promise<readonly string[]>;
};

export type Engines = { readonly spark: SparkSession; readonly queries: TableQueries };

/** Begins with a table that is not there yet. */
export function tourOf(one: SparkMade, folder: string, { spark, queries }: Engines): Tour {
  const engine = localEngine(folder);
  const table = `delta.\`${folder}\``;
  const readers: readonly QueryReader[] = ["delta-rs", "duckdb"];
  const ids = one.tracked === true ? ", _metadata.row_id, _metadata.row_commit_version" : "";
  const sparkRows = async (): Promise<readonly NormalRow[]> =>
    await spark.normal(`SELECT ${one.select ?? "*"}${ids} FROM ${table}`);
  return {
    one,
    sql: async (statement) => await spark.sql(statement.replaceAll("{t}", table)),
    normal: async (statement) => await spark.normal(statement.replaceAll("{t}", table)),
    sparkRows,
    version: async () => (await requireTableState(engine, { signal })).version,
    async run(command, ...flags) {
      const { code, stdout, stderr } = await cli([command, folder, "--format", "json", ...flags]);
      if (code !== 0) throw new Error(`${command} ${flags.join(" ")}: ${stderr}`);
      return JSON.parse(stdout) as unknown;
    },
    async append({ partitionValues = {}, row }) {
      const state = await requireTableState(engine, { signal });
      const { schema, metadata: { partitionColumns } } = state;
      const none = Object.fromEntries(partitionColumns.map((name) => [name, null]));
      await appendRows(engine, state, { schema, partitionColumns }, {
        partitionValues: { ...none, ...partitionValues },
        rows: [row],
      });
    },
    async differences(rows) {
      const found: [string, string | null][] = [
        ["spark", firstDifference(rows, await sparkRows())],
        ["cdcdelta", firstDifference(rows.map(plain), await rowsOf(folder))],
      ];
      for (const reader of readers) {
        const columns = (reader === "duckdb" ? one.duckdb : undefined) ?? "*";
        const difference = await queries.query(reader, folder, `select ${columns} from t`).then(
          (read) => firstDifference(rows.map(plain), read),
          (error: unknown) => String(error),
        );
        const known = one.unread?.[reader];
        if (known === undefined) found.push([reader, difference]);
        // What an engine cannot read is told, so that nobody takes it for read.
        else if (difference === null || !known.test(difference)) {
          found.push([reader, `not ${String(known)}: ${difference}`]);
        }
      }
      return Object.fromEntries(
        found.filter((entry): entry is [string, string] => entry[1] !== null),
      );
    },
    async changeDifference(from, to) {
      const read = await spark.normal(
        `SELECT ${one.select ?? "*"} FROM table_changes_by_path('${folder}', ${from}, ${to})`,
      );
      return firstDifference(read, await changesOf(folder, from, to));
    },
    leftovers: () => leftoversOf(folder),
  };
}

/** A row without the columns that only Spark has. */
function plain({ row_id: _, row_commit_version: __, ...row }: NormalRow): NormalRow {
  return row;
}

async function rowsOf(table: string): Promise<NormalRow[]> {
  const engine = localEngine(table);
  const snapshot = await loadSnapshot(engine, { signal });
  const rows: NormalRow[] = [];
  for await (const batch of scanSnapshot(engine, snapshot, { signal })) {
    rows.push(...normalRows(rowsOfBatch(batch, snapshot.schema), snapshot.schema));
  }
  return rows.map(variantsAsText);
}

async function changesOf(table: string, from: number, to: number): Promise<NormalRow[]> {
  const engine = localEngine(table);
  const range = {
    from: { kind: "version", version: from },
    to: { kind: "version", version: to },
  } as const;
  const feed = await openChangeFeed(engine, range, { signal });
  const selection = bindSelection({ columns: null, where: null }, feed.schema, table);
  const counts = { files: 0, filesRead: 0, rowGroups: 0, rowGroupsRead: 0 };
  const rows: NormalRow[] = [];
  for await (const batch of feed.batches({ selection, counts, signal })) {
    rows.push(...normalRows(rowsOfBatch(batch, feed.schema), feed.schema));
  }
  return rows.map(variantsAsText);
}

/** Variants as the text that Spark's `to_json` makes. */
function variantsAsText(row: NormalRow): NormalRow {
  const text = (value: NormalValue): NormalValue =>
    typeof value === "string" && value.startsWith("v:") ? `s:${value.slice(2)}` : value;
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, text(value)]));
}

/** Files that commits took out of the table and that are there, hidden ones aside. */
async function leftoversOf(table: string): Promise<string[]> {
  const engine = localEngine(table);
  const live = new Set<string>();
  const gone = new Set<string>();
  const { files } = await loadSnapshot(engine, { signal });
  const keysOf = ({ path: file, deletionVector }: AddFile | RemoveFile): string[] => {
    const key = deletionVector === undefined
      ? null
      : deletionVectorKey(deletionVector, engine.store.uri);
    return [decodeURIComponent(file), ...(key === null ? [] : [key])];
  };
  for (const file of files) for (const key of keysOf(file)) live.add(key);
  const { commits } = await listLog(engine, { from: 0, signal });
  for (const { meta } of commits) {
    for (
      const action of parseCommit(readFileSync(path.join(table, meta.key)), { source: meta.key })
    ) {
      if (action.kind === "remove") { for (const key of keysOf(action.remove)) gone.add(key); }
    }
  }
  return [...gone].filter((key) => !live.has(key) && existsSync(path.join(table, key)));
}
