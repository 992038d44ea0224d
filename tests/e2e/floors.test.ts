import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type EventStream, openEventStream, type WrittenTopic } from "./event-stream.ts";
import { isLiveStackPossible } from "./live-stack.ts";
import { newPipeline, type Pipeline } from "./pipeline.ts";
import { expectStream } from "./stream-check.ts";
import { untilRight } from "./until.ts";

setDefaultTimeout(120_000);

describe.skipIf(!(await isLiveStackPossible()))("where a run begins", () => {
  const streams: EventStream[] = [];
  const pipelines: Pipeline[] = [];

  /** A pipeline of its own, since each test needs its own group and tables. */
  async function fresh(): Promise<{ pipeline: Pipeline; stream: EventStream }> {
    const pipeline = await newPipeline();
    const stream = await openEventStream(pipeline.stack.urls.kafka, pipeline.name);
    pipelines.push(pipeline);
    streams.push(stream);
    return { pipeline, stream };
  }

  afterAll(async () => {
    await Promise.all(streams.map((stream) => stream.close()));
    await Promise.all(pipelines.map((pipeline) => pipeline.stop()));
  });

  test("one topic feeds two tables, killed in mid-stream: both have all, the floor is right", async () => {
    const { pipeline, stream } = await fresh();
    const written = await stream.makeTopic(`${pipeline.name}.mixed`, 2);
    // Two of three documents belong to one table: its rows are committed without the other's.
    const collections = ["often", "often", "seldom"];
    let isStreaming = true;
    const sent = (async () => {
      const options = { count: 2000, perSecond: 4000, collections };
      while (isStreaming) await stream.append(written, options);
    })();
    for (let kills = 0; kills < 3; kills++) {
      const run = pipeline.start();
      await run.logged("committed", 2);
      await sleep(300 * kills);
      await run.kill();
    }
    isStreaming = false;
    const run = pipeline.start();
    await sent;
    await untilRight("both tables", async () => await mixedWrong(pipeline, written));
    await run.stop();
    expect(await mixedWrong(pipeline, written)).toBeNull();
    expect(await floorsOf(pipeline, stream, written)).toEqual(written.counts);
  });

  test("partitions without rows: tombstones and dead letters move the floor too", async () => {
    const { pipeline, stream } = await fresh();
    const written = await stream.makeTopic(`${pipeline.name}.rowless`, 3);
    await stream.append(written, { count: 100, partitions: [0] });
    const keys = Array.from({ length: 50 }, (_, n) => `{"id":"${n}"}`);
    await stream.send(written, 1, keys.map((key) => ({ key, value: null })));
    await stream.send(written, 2, keys.map((key) => ({ key, value: '{"broken": ' })));
    const letters = async (): Promise<unknown> => {
      const rows = await pipeline.queryAt(
        `${pipeline.basePath}/_dead_letters`,
        "select count(*) as n, count(distinct _kafka_offset) as offsets from t",
      );
      return rows[0];
    };
    const first = pipeline.start();
    await untilRight("the floors", async () => {
      const floors = await floorsOf(pipeline, stream, written);
      return floors.join() === written.counts.join() ? null : floors.join();
    });
    await first.kill();
    expect(await letters()).toEqual({ n: "i:50", offsets: "i:50" });
    const second = pipeline.start(["--until-latest"]);
    expect(await second.ended).toMatchObject({ status: 0 });
    expect(startsOf(second.log())).toEqual(["0 floor 100", "1 floor 50", "2 floor 50"]);
    expect(await letters()).toEqual({ n: "i:50", offsets: "i:50" });
  });

  test("a group with another name starts over and adds nothing; another pipeline is refused", async () => {
    const { pipeline, stream } = await fresh();
    const written = await stream.makeTopic(`${pipeline.name}.renamed`, 2);
    await stream.append(written, { count: 2000 });
    expect(await pipeline.start(["--until-latest"]).ended).toMatchObject({ status: 0 });
    await stream.append(written, { count: 500 });
    const renamed = { KAFKA_CONSUMER_GROUP: `${pipeline.name}-renamed` };
    const stranger = pipeline.start(["--until-latest"], renamed);
    const refused = await stranger.ended;
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain("--adopt");
    const same = pipeline.start(["--until-latest", "--pipeline-id", pipeline.name], renamed);
    expect(await same.ended).toMatchObject({ status: 0 });
    expect(startsOf(same.log()).map((start) => start.slice(-2))).toEqual([" 0", " 0"]);
    await expectStream(pipeline, written, 0);
    const adopting = { KAFKA_CONSUMER_GROUP: `${pipeline.name}-adopting` };
    await stream.append(written, { count: 500 });
    expect(await pipeline.start(["--until-latest", "--adopt"], adopting).ended)
      .toMatchObject({ status: 0 });
    await expectStream(pipeline, written, 0);
  });

  test("a refused run leaves no floor that hides records from the right one", async () => {
    const { pipeline, stream } = await fresh();
    const written = await stream.makeTopic(`${pipeline.name}.hidden`, 1);
    await stream.append(written, { count: 1000 });
    expect(await pipeline.start(["--until-latest"]).ended).toMatchObject({ status: 0 });
    await stream.append(written, { count: 500 });
    const renamed = {
      KAFKA_CONSUMER_GROUP: `${pipeline.name}-renamed`,
      KAFKA_AUTO_OFFSET_RESET: "latest",
    };
    const stranger = await pipeline.start(["--until-latest"], renamed).ended;
    expect(stranger.status).toBe(2);
    expect(stranger.stderr).toContain("--adopt");
    const right = pipeline.start(["--until-latest", "--pipeline-id", pipeline.name], renamed);
    expect(await right.ended).toMatchObject({ status: 0 });
    await expectStream(pipeline, written, 0);
  });

  test.each(["forwards", "back"])(
    "an offset that somebody else moved %s is not used",
    async (way) => {
      const { pipeline, stream } = await fresh();
      const written = await stream.makeTopic(`${pipeline.name}.moved`, 1);
      await stream.append(written, { count: 1000 });
      expect(await pipeline.start(["--until-latest"]).ended).toMatchObject({ status: 0 });
      await stream.append(written, { count: 1000 });
      await stream.admin.setOffsets({
        groupId: pipeline.name,
        topic: written.topic,
        partitions: [{ partition: 0, offset: way === "back" ? "10" : "1900" }],
      });
      const run = pipeline.start(["--until-latest"]);
      expect(await run.ended).toMatchObject({ status: 0 });
      expect(run.log().map(({ event }) => event)).toContain("kafka-foreign-reset");
      await expectStream(pipeline, written, 0);
      expect(await floorsOf(pipeline, stream, written)).toEqual([2000]);
    },
  );

  test("a table that lets positions expire is refused before a row is written", async () => {
    const { pipeline, stream } = await fresh();
    const written = await stream.makeTopic(`${pipeline.name}.expired`, 1);
    await stream.append(written, { count: 10 });
    const property = "delta.setTransactionRetentionDuration";
    const run = pipeline.start(["--until-latest", "--property", `${property}=interval 7 days`]);
    const { status, stderr } = await run.ended;
    expect(status).toBe(2);
    expect(stderr).toContain(property);
  });
});

/** The offsets that the group holds, partition by partition; -1: none. */
async function floorsOf(
  { name }: Pipeline,
  { admin }: EventStream,
  { topic }: WrittenTopic,
): Promise<number[]> {
  const [offsets] = await admin.fetchOffsets({ groupId: name, topics: [topic] });
  return (offsets?.partitions ?? []).toSorted((a, b) => a.partition - b.partition)
    .map(({ offset }) => Number(offset));
}

/** `partition reason offset` of each start that a run has logged. */
function startsOf(log: readonly Readonly<Record<string, unknown>>[]): string[] {
  return log.filter((entry) => entry["event"] === "kafka-lane-start").map((entry) =>
    `${String(entry["lane"]).split("-").at(-1)} ${String(entry["why"])} ${
      String(entry["nextOffset"])
    }`
  ).sort();
}

/** What is wrong with two tables that share a topic, taken together. */
async function mixedWrong(pipeline: Pipeline, { counts }: WrittenTopic): Promise<string | null> {
  const position = "select _kafka_partition as p, _kafka_offset as o from t";
  const rows = [
    ...await pipeline.query("duckdb", "often", position),
    ...await pipeline.query("duckdb", "seldom", position),
  ];
  const positions = new Set(rows.map(({ p, o }) => `${String(p)} ${String(o)}`));
  const total = counts.reduce((sum, count) => sum + count, 0);
  return rows.length === total && positions.size === total
    ? null
    : `${rows.length} rows, ${positions.size} positions of ${total}`;
}
