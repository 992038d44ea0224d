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
import { type CdcdeltaRun, killAllRuns } from "./cdcdelta-run.ts";
import { type EventStream, openEventStream, type WrittenTopic } from "./event-stream.ts";
import { isLiveStackPossible } from "./live-stack.ts";
import { newPipeline, type Pipeline } from "./pipeline.ts";
import { expectStream } from "./stream-check.ts";

setDefaultTimeout(150_000);

const events = 100_000;
const perSecond = 12_000;

/** As short as a loaded machine allows: one that is gone is missed soon. */
const sessionMs = 3000;

describe.skipIf(!(await isLiveStackPossible()))("several instances share a topic", () => {
  let pipeline: Pipeline;
  let stream: EventStream;
  let topics = 0;

  beforeAll(async () => {
    pipeline = await newPipeline();
    stream = await openEventStream(pipeline.stack.urls.kafka, pipeline.name);
  });

  afterEach(async () => await killAllRuns());

  afterAll(async () => {
    await stream.close();
    await pipeline.stop();
  });

  const start = (env: Readonly<Record<string, string>> = {}): CdcdeltaRun =>
    pipeline.start([], {
      KAFKA_SESSION_TIMEOUT_MS: String(sessionMs),
      KAFKA_HEARTBEAT_INTERVAL_MS: "300",
      ...env,
    });

  /** A topic of its own with events on their way. */
  async function streaming(
    count = events,
  ): Promise<{ written: WrittenTopic; sent: Promise<void> }> {
    const written = await stream.makeTopic(`${pipeline.name}.stream-${topics++}`, 6);
    return { written, sent: stream.append(written, { count, perSecond }) };
  }

  test("instances join and leave while 100,000 events stream", async () => {
    const { written, sent } = await streaming();
    const first = start();
    await first.logged("flushed");
    const second = start();
    await second.logged("kafka-joined");
    const third = start();
    await third.logged("kafka-joined");
    await first.stop();
    await sleep(1000);
    await second.stop();
    await sent;
    await expectStream(pipeline, written);
    await third.stop();
    await expectFloorsAtTheEnd(pipeline, stream, written);
  });

  test("an instance is killed, and another one, while 100,000 events stream", async () => {
    const { written, sent } = await streaming();
    const runs = [start(), start(), start()];
    await Promise.all(runs.map((run) => run.logged("kafka-joined")));
    await runs[0]?.kill();
    await sleep(2000);
    const fourth = start();
    await runs[1]?.kill();
    await sent;
    await expectStream(pipeline, written);
    await Promise.all([runs[2], fourth].map((run) => run?.stop()));
    await expectFloorsAtTheEnd(pipeline, stream, written);
  });

  test("one that wakes up after others took over its partitions commits nothing stale", async () => {
    const { written, sent } = await streaming();
    // It holds much that is not committed when it is stopped.
    const sleeper = start({ DELTA_BATCH_TIMEOUT_MS: "2000" });
    await sleeper.logged("flushed");
    const other = start();
    await other.logged("kafka-joined");
    await sleep(1000);
    sleeper.freeze();
    // Twice: when it joined, and when the sleeper was given up.
    await other.logged("kafka-joined", 2);
    await sleep(sessionMs / 2);
    sleeper.thaw();
    await sleeper.logged("kafka-evicted");
    await sent;
    await expectStream(pipeline, written);
    await Promise.all([sleeper.stop(), other.stop()]);
    await expectStream(pipeline, written, 0);
    await expectFloorsAtTheEnd(pipeline, stream, written);
  });

  test("a rolling restart of three while 100,000 events stream", async () => {
    const { written, sent } = await streaming();
    const runs = [start(), start(), start()];
    await Promise.all(runs.map((run) => run.logged("kafka-joined")));
    for (const at of runs.keys()) {
      await runs[at]?.stop();
      const next = start();
      runs[at] = next;
      await next.logged("kafka-joined");
    }
    await sent;
    await expectStream(pipeline, written);
    await Promise.all(runs.map((run) => run.stop()));
    await expectFloorsAtTheEnd(pipeline, stream, written);
  });
});

/** What the group remembers in Kafka once all is committed: the end of each partition. */
async function expectFloorsAtTheEnd(
  { name }: Pipeline,
  { admin }: EventStream,
  { topic, counts }: WrittenTopic,
): Promise<void> {
  const [offsets] = await admin.fetchOffsets({ groupId: name, topics: [topic] });
  const found = (offsets?.partitions ?? []).toSorted((a, b) => a.partition - b.partition)
    .map(({ offset }) => Number(offset));
  expect(found).toEqual(counts);
}
