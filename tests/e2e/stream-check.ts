import type { WrittenTopic } from "./event-stream.ts";
import { firstWrong } from "./oracle.ts";
import type { Pipeline } from "./pipeline.ts";
import { untilRight } from "./until.ts";

/** Waits until a table holds all that was written to a topic, and checks it with two engines. */
export async function expectStream(
  pipeline: Pipeline,
  written: WrittenTopic,
  timeoutMs = 90_000,
): Promise<void> {
  await untilRight(
    `the rows of ${written.topic}`,
    () => streamWrong("duckdb", pipeline, written),
    { timeoutMs, pauseMs: 500 },
  );
  const wrong = await streamWrong("delta-rs", pipeline, written);
  if (wrong !== null) throw new Error(wrong);
}

/**
 * What is wrong with a table of events: each record of the topic must be there once, as it was
 * written, in the order of its partition; null: nothing.
 */
export function streamWrong(
  reader: "delta-rs" | "duckdb",
  pipeline: Pipeline,
  { topic, counts }: WrittenTopic,
  collection = "events",
): Promise<string | null> {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const from = `from t where _kafka_topic = '${topic}'`;
  const one = async (what: string, sql: string, expected: number): Promise<string | null> => {
    const [row] = await pipeline.query(reader, collection, sql);
    const found = Object.values(row ?? {})[0];
    return found === `i:${expected}`
      ? null
      : `${reader}, ${topic}: ${what}: ${JSON.stringify(found)} instead of ${expected}`;
  };
  const position = "_kafka_partition, _kafka_offset";
  return firstWrong([
    () => one("rows", `select count(*) ${from}`, total),
    () => one("positions", `select count(*) from (select distinct ${position} ${from})`, total),
    () => one("rows of other positions", `select count(*) ${from} and seq <> _kafka_offset`, 0),
    () =>
      one(
        "changes of a document out of order",
        `select count(*) from (select change, row_number() over ` +
          `(partition by _kafka_topic, _cdc_key order by ${position}) as n ${from}) ` +
          `where change <> n`,
        0,
      ),
    // A later record must not become readable before an earlier one of its partition.
    () =>
      one(
        "rows committed before their predecessors",
        `select count(*) from (select _ingestion_timestamp as mine, lag(_ingestion_timestamp) over ` +
          `(partition by _kafka_partition order by _kafka_offset) as earlier ${from}) ` +
          `where mine < earlier`,
        0,
      ),
  ]);
}
