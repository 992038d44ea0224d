import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../src/cli/clock.ts";
import { systemRandom } from "../../src/cli/random.ts";
import type { Engine } from "../../src/delta/engine.ts";
import type { AddFile } from "../../src/delta/log/actions.ts";
import { loadHistory } from "../../src/delta/log/history.ts";
import { loadSnapshot } from "../../src/delta/log/snapshot.ts";
import { loadTableState } from "../../src/delta/log/table-state.ts";
import { subStore } from "../../src/delta/storage/object-store.ts";
import { kafkaTool } from "../stack/kafka-harness.ts";
import { mustCommit } from "../support/delta-table.ts";
import type { QueryReader } from "../support/table-queries.ts";
import { openBucket } from "./buckets.ts";
import { type CdcdeltaRun, killAllRuns } from "./cdcdelta-run.ts";
import {
  type AppendOptions,
  type EventStream,
  openEventStream,
  type WrittenTopic,
} from "./event-stream.ts";
import { isLiveStackPossible } from "./live-stack.ts";
import { newPipeline, type Pipeline } from "./pipeline.ts";
import { streamWrong } from "./stream-check.ts";
import { untilRight } from "./until.ts";

setDefaultTimeout(300_000);

const { signal } = new AbortController();

describe.skipIf(!(await isLiveStackPossible()))("closed partitions beside a stream", () => {
  let pipeline: Pipeline;
  let stream: EventStream;

  beforeAll(async () => {
    pipeline = await newPipeline();
    stream = await openEventStream(pipeline.stack.urls.kafka, pipeline.name);
  });

  afterEach(async () => {
    await killAllRuns();
    await limitReading(pipeline, null);
  });

  afterAll(async () => {
    await stream.close();
    await pipeline.stop();
  });

  const start = (...args: readonly string[]): CdcdeltaRun =>
    pipeline.start(["--compact-after", "0s", "--compact-quiet", "1s", ...args], {
      KAFKA_CLIENT_ID: pipeline.name,
    });

  /** A table with so many small files of each of some days gone by, and a topic to stream into it. */
  async function lake(collection: string, days: number, filesOfDay: number): Promise<Lake> {
    const make = (name: string): Promise<WrittenTopic> =>
      stream.makeTopic(`${pipeline.name}.${collection}-${name}`, 3);
    const seed = await make("seed");
    await stream.append(seed, { count: 60, collections: [collection], partitions: [0] });
    const run = pipeline.start(["--no-compact"]);
    const engine: Engine = {
      store: subStore(
        openBucket(pipeline.stack, pipeline.name),
        `lake/${pipeline.name}/${collection}`,
      ),
      clock: systemClock,
      random: systemRandom,
    };
    const rowsOf = async (reader: QueryReader): Promise<string> => {
      const sql =
        `select count(*) as n, cast(sum(seq) as bigint) as seqs from t where _kafka_topic = '${seed.topic}'`;
      return JSON.stringify(await pipeline.query(reader, collection, sql));
    };
    await untilRight("the first rows", async () => {
      const rows = await rowsOf("duckdb");
      return rows.includes("i:60") ? null : rows;
    });
    await run.stop();
    await spreadOverDays(engine, days, filesOfDay);
    const rows = await rowsOf("duckdb");
    const written = await make("stream");
    return {
      engine,
      written,
      append: (options) => stream.append(written, { ...options, collections: [collection] }),
      async expectRows() {
        expect(await Promise.all([rowsOf("duckdb"), rowsOf("delta-rs")])).toEqual([rows, rows]);
        await untilRight("the stream", () => streamWrong("duckdb", pipeline, written, collection));
        expect(await streamWrong("delta-rs", pipeline, written, collection)).toBeNull();
      },
    };
  }

  test("are merged in a quiet moment; --no-compact leaves them alone", async () => {
    const { engine, written, append, expectRows } = await lake("quiet", 2, 12);
    const before = await closedFiles(engine);
    expect(before).toHaveLength(24);
    const left = start("--no-compact");
    await append({ count: 300 });
    await left.logged("committed");
    // Several times what a run that merges waits: it looks every 250 ms.
    await sleep(5000);
    await expectRows();
    await left.stop();
    expect(await closedFiles(engine)).toEqual(before);

    const run = start();
    const sent = append({ count: 40_000, perSecond: 2000 });
    await run.logged("compacted");
    const merged = run.log().find(({ event }) => event === "compacted");
    expect(merged).toMatchObject({ table: `${pipeline.name}.quiet` });
    expect(await closedFiles(engine)).toHaveLength(2);
    const seen = written.counts.reduce((sum, count) => sum + count, 0);
    await sent;
    await expectRows();
    await run.stop();
    // It did not wait for the stream to end.
    expect(seen).toBeLessThan(40_300);
    const history = await loadHistory(engine, { limit: 1000, signal });
    const merges = history.filter(({ operation }) => operation === "OPTIMIZE");
    expect(merges.length).toBeGreaterThanOrEqual(2);
    expect(merges.every((merge) => merge.operationParameters?.["auto"] === "true")).toBe(true);
    expect(run.log().filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
  });

  test("wait while the run is behind", async () => {
    const days = 100;
    const { engine, append, expectRows } = await lake("behind", days, 2);
    const before = (await closedFiles(engine)).length;
    await limitReading(pipeline, slowBytes);
    await append({ count: 40_000 });
    const run = start();
    await run.logged("committed");
    // Several times what it waits in a quiet moment.
    await sleep(5000);
    expect(await closedFiles(engine)).toHaveLength(before);

    await limitReading(pipeline, null);
    await untilRight("the merged days", async () => {
      const { length } = await closedFiles(engine);
      return length === days ? null : `${length} files`;
    }, { timeoutMs: 180_000 });
    await expectRows();
    await run.stop();
  });
});

type Lake = {
  readonly engine: Engine;
  readonly written: WrittenTopic;
  append(options: AppendOptions): Promise<void>;
  /** All rows are there once, for two engines. */
  expectRows(): Promise<void>;
};

/** Bytes that the broker gives to our client in a second: less than a tenth of what is written. */
const slowBytes = 200_000;

/** Sets how much the broker gives to the pipeline's client in a second; null: all it can. */
async function limitReading({ stack, name }: Pipeline, bytes: number | null): Promise<void> {
  // What was never set cannot be deleted: all it can is a number too.
  const change = ["--add-config", `consumer_byte_rate=${bytes ?? 1e12}`];
  const to = ["--bootstrap-server", stack.urls.kafka, "--entity-type", "clients"];
  const args = [...to, "--entity-name", name, "--alter", ...change];
  const { status, stdout, stderr } = await kafkaTool("kafka.admin.ConfigCommand", args);
  if (status !== 0) throw new Error(`the quota was not changed:\n${stdout}${stderr}`);
}

/** Puts copies of a table's first file beside it, so many of each day. */
async function spreadOverDays(engine: Engine, days: number, filesOfDay: number): Promise<void> {
  const state = await loadTableState(engine, { signal });
  const [model] = (await loadSnapshot(engine, { signal })).files;
  if (model === undefined) throw new Error("the table has no file");
  const bytes = await engine.store.get(model.path, { signal });
  const adds: AddFile[] = [];
  for (let day = 1; day <= days; day++) {
    // Not yesterday: a test may run over midnight.
    const partitionValues = { _ingestion_date: dayBefore(day + 1) };
    for (let file = 0; file < filesOfDay; file++) {
      const path = `copy-${day}-${file}.parquet`;
      adds.push({ ...model, path, partitionValues });
    }
  }
  for (let at = 0; at < adds.length; at += 50) {
    const some = adds.slice(at, at + 50);
    await Promise.all(some.map(({ path }) => engine.store.put(path, [bytes], { signal })));
  }
  await mustCommit(engine, state, {
    operation: "WRITE",
    operationParameters: {},
    operationMetrics: {},
    reads: { kind: "blind-append" },
    dataChange: true,
    adds,
  });
}

/** The paths of files of days gone by, in order. */
async function closedFiles(engine: Engine): Promise<string[]> {
  const { files } = await loadSnapshot(engine, { signal });
  const yesterday = dayBefore(1);
  return files.filter((file) => (file.partitionValues["_ingestion_date"] ?? "") < yesterday)
    .map(({ path }) => path).toSorted();
}

/** The day (UTC) so many days ago. */
const dayBefore = (days: number): string =>
  new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
