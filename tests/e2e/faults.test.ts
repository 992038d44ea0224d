import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Buffer } from "node:buffer";
import { setTimeout as sleep } from "node:timers/promises";
import type { PartName } from "../stack/stack-command.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import type { CdcdeltaRun } from "./cdcdelta-run.ts";
import { type EventStream, openEventStream } from "./event-stream.ts";
import { isLiveStackPossible } from "./live-stack.ts";
import { expectTable } from "./oracle.ts";
import { newPipeline, type Pipeline } from "./pipeline.ts";
import { expectStream } from "./stream-check.ts";
import type { TopicLog } from "./topic-log.ts";
import { untilRight } from "./until.ts";

setDefaultTimeout(180_000);

/** Shorter than the default, so that a frozen server is noticed within the test. */
const impatient = {
  KAFKA_REQUEST_TIMEOUT_MS: "3000",
  KAFKA_CONNECTION_TIMEOUT_MS: "2000",
  CDCDELTA_RETRIES: "30",
};

describe.skipIf(!(await isLiveStackPossible()))("servers that fail underneath", () => {
  let pipeline: Pipeline;
  let topics: TopicLog;
  let run: CdcdeltaRun;
  let written = 0;
  let round = 0;

  beforeAll(async () => {
    pipeline = await newPipeline();
    await pipeline.deploy();
    topics = pipeline.topics();
    run = pipeline.start([], impatient);
    await pipeline.streams(topics);
  });

  afterAll(async () => await pipeline.stop());

  /** Writes documents for as long as the fault lasts, and some more; all must be in the table. */
  async function survives(fault: () => Promise<void>): Promise<void> {
    const documents = pipeline.collection("documents");
    let isOver = false;
    const writing = (async () => {
      for (let n = 0; !isOver || n < 20; n++) {
        // MongoDB itself may be away.
        const _id = `${round} ${n}` as never;
        await documents.insertOne({ _id, n }).catch(() =>
          // When the first one landed all the same, this changes nothing.
          untilRight("a write", async () => {
            await documents.updateOne({ _id }, { $set: { n } }, { upsert: true });
            return null;
          })
        );
        written++;
        await sleep(100);
      }
    })();
    await sleep(500);
    await fault();
    isOver = true;
    await writing;
    round++;
    await expectTable(pipeline, topics, "documents", written);
  }

  const parts: readonly PartName[] = ["minio", "kafka", "connect", "mongodb"];

  test.each([...parts])("%s is restarted", async (part) => {
    await survives(() => pipeline.stack.change("restart", part, "--grace", "0"));
  });

  test.each([...parts])("%s is frozen for a while", async (part) => {
    await survives(async () => {
      await pipeline.stack.change("freeze", part);
      await sleep(5000);
      await pipeline.stack.change("thaw", part);
    });
  });

  test("the run has lived through it all", async () => {
    await run.stop();
  });
});

describe.skipIf(!(await isLiveStackPossible()))("a store that does not answer", () => {
  let pipeline: Pipeline;
  let stream: EventStream;

  beforeAll(async () => {
    pipeline = await newPipeline();
    stream = await openEventStream(pipeline.stack.urls.kafka, pipeline.name);
  });

  afterAll(async () => {
    await stream.close();
    await pipeline.stop();
  });

  test("commits whose answers are lost are found and not made twice", async () => {
    const topic = await stream.makeTopic(`${pipeline.name}.cut`, 2);
    let commits = 0;
    // Every other commit lands, and nobody is told.
    const proxy = await startTcpProxy(pipeline.stack.urls.minio, (sent) => {
      const head = Buffer.from(sent.subarray(0, 300)).toString("latin1");
      if (!/^PUT \S*_delta_log\/\d{20}\.json/.test(head)) return undefined;
      return ++commits % 2 === 0 ? { kind: "cut" } : { kind: "pass" };
    });
    const run = pipeline.start([], { MINIO_ENDPOINT: proxy.endpoint });
    await stream.append(topic, { count: 20_000, perSecond: 5000 });
    await expectStream(pipeline, topic);
    await run.stop();
    await proxy.stop();
    expect(proxy.lost()).toBeGreaterThan(2);
  });
});
