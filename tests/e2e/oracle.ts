import type { NormalRow, NormalValue } from "../support/normal-form.ts";
import type { QueryReader } from "../support/table-queries.ts";
import { bsonNormalForm, documentDifference } from "./bson-normal-form.ts";
import type { Pipeline } from "./pipeline.ts";
import { changesOf, type TopicLog } from "./topic-log.ts";
import { untilRight } from "./until.ts";

/**
 * Waits until the table of a collection holds each of `count` changes that stand in its topic
 * exactly once, and its current state is what MongoDB has; then looks at it with DuckDB too.
 */
export async function expectTable(
  pipeline: Pipeline,
  topics: TopicLog,
  collection: string,
  count: number,
): Promise<void> {
  await untilRight(`the table of ${collection}`, () =>
    firstWrong([
      () => Promise.resolve(recordsWrong(topics, collection, count)),
      () => changesWrong("delta-rs", pipeline, topics, collection),
      () => documentsWrong("delta-rs", pipeline, collection),
    ]));
  const wrong = await firstWrong([
    () => changesWrong("duckdb", pipeline, topics, collection),
    () => documentsWrong("duckdb", pipeline, collection),
  ]);
  if (wrong !== null) throw new Error(wrong);
}

/** What is wrong with the rows of a table, held against the topic; null: nothing. */
export async function changesWrong(
  reader: QueryReader,
  pipeline: Pipeline,
  topics: TopicLog,
  collection: string,
): Promise<string | null> {
  const rows = await pipeline.query(
    reader,
    collection,
    "select _kafka_topic, _kafka_partition, _kafka_offset, _cdc_operation from t",
  );
  const found = rows.map((row) =>
    `${textAt(row, "_kafka_topic")} ${textAt(row, "_kafka_partition")} ` +
    `${textAt(row, "_kafka_offset")} ${textAt(row, "_cdc_operation")}`
  ).sort();
  const wanted = changesOf(topics, collection)
    .map(({ partition, offset, operation }) =>
      `${pipeline.topic(collection)} ${partition} ${offset} ${operation}`
    ).sort();
  if (found.join("\n") === wanted.join("\n")) return null;
  const lost = wanted.filter((one) => !found.includes(one));
  const added = found.filter((one, i) => !wanted.includes(one) || found.indexOf(one) !== i);
  return `${reader} sees ${found.length} rows of ${wanted.length}; missing: ${lost[0] ?? "-"}; ` +
    `too many: ${added[0] ?? "-"}`;
}

/** What is wrong with the current state of a table, held against MongoDB; null: nothing. */
export async function documentsWrong(
  reader: QueryReader,
  pipeline: Pipeline,
  collection: string,
): Promise<string | null> {
  const rows = await pipeline.query(reader, collection, "select * from t");
  const current = currentRows(rows);
  const documents = await pipeline.collection(collection)
    .find({}, { promoteValues: false, promoteLongs: false, promoteBuffers: false }).toArray();
  if (current.length !== documents.length) {
    return `${reader} sees ${current.length} documents of ${documents.length} in ${collection}`;
  }
  const byId = new Map(current.map((row) => [JSON.stringify(row["_id"]), row]));
  for (const document of documents) {
    const expected = bsonNormalForm(document) as NormalRow;
    const row = byId.get(JSON.stringify(expected["_id"]));
    if (row === undefined) return `${reader} does not see ${JSON.stringify(expected["_id"])}`;
    const difference = documentDifference(expected, ownColumns(row));
    if (difference !== null) {
      return `${reader}, document ${JSON.stringify(expected["_id"])}: ${difference}`;
    }
  }
  return null;
}

/** The last row of each key by partition and offset, without those that delete. */
export function currentRows(rows: readonly NormalRow[]): NormalRow[] {
  const last = new Map<string, NormalRow>();
  for (const row of rows) {
    const key = JSON.stringify([row["_kafka_topic"], row["_cdc_key"]]);
    const before = last.get(key);
    if (before === undefined || isLater(row, before)) last.set(key, row);
  }
  return [...last.values()].filter((row) => row["_cdc_operation"] !== "s:delete");
}

/** Runs checks in turn; the first complaint counts. */
export async function firstWrong(
  checks: readonly (() => Promise<string | null>)[],
): Promise<string | null> {
  for (const check of checks) {
    const wrong = await check();
    if (wrong !== null) return wrong;
  }
  return null;
}

function recordsWrong(topics: TopicLog, collection: string, count: number): string | null {
  const found = changesOf(topics, collection).length;
  return found === count ? null : `the topic of ${collection} has ${found} of ${count} changes`;
}

function isLater(row: NormalRow, than: NormalRow): boolean {
  const at = (one: NormalRow): readonly [bigint, bigint] => [
    BigInt(textAt(one, "_kafka_partition")),
    BigInt(textAt(one, "_kafka_offset")),
  ];
  const [mine, other] = [at(row), at(than)];
  return mine[0] === other[0] ? mine[1] > other[1] : mine[0] > other[0];
}

/** A scalar without its tag. */
function textAt(row: NormalRow, column: string): string {
  const value: NormalValue | undefined = row[column];
  if (typeof value !== "string") throw new Error(`${column} is ${JSON.stringify(value)}`);
  return value.slice(2);
}

/** The columns of the document: all but ours. */
function ownColumns(row: NormalRow): NormalRow {
  return Object.fromEntries(
    Object.entries(row).filter(([name]) =>
      !/^_(?:cdc|kafka|ingestion|rescued|document)/.test(name)
    ),
  );
}
