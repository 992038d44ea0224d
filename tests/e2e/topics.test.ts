import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { killAllRuns } from "./cdcdelta-run.ts";
import { type EventStream, openEventStream, type WrittenTopic } from "./event-stream.ts";
import { isLiveStackPossible } from "./live-stack.ts";
import { newPipeline, type Pipeline } from "./pipeline.ts";
import { expectStream } from "./stream-check.ts";
import { untilRight } from "./until.ts";

setDefaultTimeout(120_000);

describe.skipIf(!(await isLiveStackPossible()))("topics and tables that change underneath", () => {
  const streams: EventStream[] = [];
  const pipelines: Pipeline[] = [];

  async function fresh(): Promise<{ pipeline: Pipeline; stream: EventStream }> {
    const pipeline = await newPipeline();
    const stream = await openEventStream(pipeline.stack.urls.kafka, pipeline.name);
    pipelines.push(pipeline);
    streams.push(stream);
    return { pipeline, stream };
  }

  afterEach(async () => await killAllRuns());

  afterAll(async () => {
    await Promise.all(streams.map((stream) => stream.close()));
    await Promise.all(pipelines.map((pipeline) => pipeline.stop()));
  });

  test("records deleted before they were read end the run, and are named", async () => {
    const { pipeline, stream } = await fresh();
    const written = await stream.makeTopic(`${pipeline.name}.retained`, 1);
    await stream.append(written, { count: 1000 });
    expect(await pipeline.start(["--until-latest"]).ended).toMatchObject({ status: 0 });
    await stream.append(written, { count: 1000 });
    await deleteBefore(stream, written, 1500);
    const { status, stderr } = await pipeline.start(["--until-latest"]).ended;
    expect(status).toBe(1);
    expect(stderr).toContain(written.topic);
    expect(stderr).toContain("500");
    expect(stderr).toMatch(/data.loss|KAFKA_FAIL_ON_DATA_LOSS/i);
    expect(await counted(pipeline)).toEqual({ n: "i:1000", ids: "i:1000" });
    const accepting = { KAFKA_FAIL_ON_DATA_LOSS: "false" };
    const run = pipeline.start(["--until-latest"], accepting);
    expect(await run.ended).toMatchObject({ status: 0 });
    expect(run.log().map(({ event }) => event)).toContain("kafka-data-loss");
    expect(await counted(pipeline)).toEqual({ n: "i:1500", ids: "i:1500" });
  });

  test("records deleted below the floor are nobody's loss", async () => {
    const { pipeline, stream } = await fresh();
    const written = await stream.makeTopic(`${pipeline.name}.trimmed`, 1);
    await stream.append(written, { count: 1000 });
    expect(await pipeline.start(["--until-latest"]).ended).toMatchObject({ status: 0 });
    await deleteBefore(stream, written, 1000);
    await stream.append(written, { count: 500 });
    expect(await pipeline.start(["--until-latest"]).ended).toMatchObject({ status: 0 });
    await expectStream(pipeline, written, 0);
  });

  test("a topic deleted and made anew while nothing runs is read from its beginning", async () => {
    const { pipeline, stream } = await fresh();
    const first = await stream.makeTopic(`${pipeline.name}.anew`, 1);
    await stream.append(first, { count: 700 });
    expect(await pipeline.start(["--until-latest"]).ended).toMatchObject({ status: 0 });
    const second = await makeAnew(stream, first.topic);
    await stream.append(second, { count: 900 });
    const run = pipeline.start(["--until-latest"]);
    expect(await run.ended).toMatchObject({ status: 0 });
    expect(await counted(pipeline)).toEqual({ n: "i:1600", ids: "i:900" });
    // Its positions are its own: nothing is read again.
    expect(await pipeline.start(["--until-latest"]).ended).toMatchObject({ status: 0 });
    expect(await counted(pipeline)).toEqual({ n: "i:1600", ids: "i:900" });
  });

  test("a topic deleted and made anew under a running instance", async () => {
    const { pipeline, stream } = await fresh();
    const first = await stream.makeTopic(`${pipeline.name}.swapped`, 1);
    const other = await stream.makeTopic(`${pipeline.name}.other`, 1);
    await stream.append(first, { count: 700 });
    const run = pipeline.start();
    await untilRight("the first rows", () => countWrong(pipeline, 700));
    const second = await makeAnew(stream, first.topic);
    await stream.append(second, { count: 900 });
    await stream.append(other, { count: 50 });
    await untilRight("the rows of both topics", () => countWrong(pipeline, 1650));
    await run.stop();
    expect(await pipeline.start(["--until-latest"]).ended).toMatchObject({ status: 0 });
    expect(await countWrong(pipeline, 1650)).toBeNull();
  });

  test("new topics and added partitions are read from their beginning", async () => {
    const { pipeline, stream } = await fresh();
    const grown = await stream.makeTopic(`${pipeline.name}.grown`, 1);
    await stream.append(grown, { count: 500, keys: 100 });
    // Whatever stands there first was there before the run: not so what comes later.
    const run = pipeline.start([], { KAFKA_AUTO_OFFSET_RESET: "earliest" });
    await untilRight("the first rows", () => countWrong(pipeline, 500));
    await stream.admin.createPartitions({
      topicPartitions: [{ topic: grown.topic, count: 3 }],
    });
    grown.counts.push(0, 0);
    // A producer of before does not know them.
    const informed = await openEventStream(pipeline.stack.urls.kafka, pipeline.name);
    streams.push(informed);
    await informed.append(grown, { count: 600, partitions: [1, 2], keys: 200 });
    const later = await stream.makeTopic(`${pipeline.name}.later`, 2);
    await stream.append(later, { count: 400 });
    await untilRight("all rows", () => countWrong(pipeline, 1500));
    await run.stop();
    await expectStream(pipeline, later, 0);
  });

  test("a table deleted while nothing runs is written again", async () => {
    const { pipeline, stream } = await fresh();
    const written = await stream.makeTopic(`${pipeline.name}.dropped`, 2);
    await stream.append(written, { count: 1000 });
    expect(await pipeline.start(["--until-latest"]).ended).toMatchObject({ status: 0 });
    await pipeline.deleteTable("events");
    await stream.append(written, { count: 100 });
    expect(await pipeline.start(["--until-latest"]).ended).toMatchObject({ status: 0 });
    await expectStream(pipeline, written, 0);
  });

  test("a table deleted under a running instance is noticed, and written again", async () => {
    const { pipeline, stream } = await fresh();
    const written = await stream.makeTopic(`${pipeline.name}.vanished`, 1);
    await stream.append(written, { count: 1000 });
    const run = pipeline.start();
    await untilRight("the first rows", () => countWrong(pipeline, 1000));
    await pipeline.deleteTable("events");
    await stream.append(written, { count: 100 });
    const { status, stderr } = await run.ended;
    expect(status).toBe(1);
    expect(stderr).toContain("deleted");
    expect(await pipeline.start(["--until-latest"]).ended).toMatchObject({ status: 0 });
    await expectStream(pipeline, written, 0);
  });
});

/** What retention does: records below an offset are gone. */
async function deleteBefore(
  { admin }: EventStream,
  { topic }: WrittenTopic,
  offset: number,
): Promise<void> {
  const partitions = [{ partition: 0, offset: String(offset) }];
  // It takes the leader from what it has been told last.
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions });
}

/** Deletes a topic and makes another one of its name. */
async function makeAnew(stream: EventStream, topic: string): Promise<WrittenTopic> {
  await stream.admin.deleteTopics({ topics: [topic] });
  await untilRight(`the end of ${topic}`, async () => {
    const topics = await stream.admin.listTopics();
    return topics.includes(topic) ? "still there" : null;
  });
  return await stream.makeTopic(topic, 1);
}

/** Rows, and different offsets among them. */
async function counted(pipeline: Pipeline): Promise<unknown> {
  const sql = "select count(*) as n, count(distinct _kafka_offset) as ids from t";
  const [row] = await pipeline.query("delta-rs", "events", sql);
  return row;
}

async function countWrong(pipeline: Pipeline, rows: number): Promise<string | null> {
  const [row] = await pipeline.query("delta-rs", "events", "select count(*) as n from t");
  return row?.["n"] === `i:${rows}` ? null : `${String(row?.["n"])} rows of ${rows}`;
}
