import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../simulation/seeded-random.ts";
import type { CdcdeltaRun } from "./cdcdelta-run.ts";
import { type EventStream, openEventStream } from "./event-stream.ts";
import { isLiveStackPossible } from "./live-stack.ts";
import { newPipeline, type Pipeline } from "./pipeline.ts";
import { expectStream } from "./stream-check.ts";

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const kills = Number(process.env["KILLS"] ?? 30);
const perSecond = 4000;

setDefaultTimeout(kills * 5000 + 120_000);

describe.skipIf(!(await isLiveStackPossible()))(
  `instances killed at any time (SEED=${seed})`,
  () => {
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

    test(`${kills} kills of two instances lose and double nothing`, async () => {
      const random = seededRandom(seed);
      const written = await stream.makeTopic(`${pipeline.name}.killed`, 4);
      const start = (): CdcdeltaRun =>
        pipeline.start([], {
          KAFKA_SESSION_TIMEOUT_MS: "1500",
          KAFKA_HEARTBEAT_INTERVAL_MS: "300",
        });
      const runs = [start(), start()];
      let isStreaming = true;
      const sent = (async () => {
        while (isStreaming) await stream.append(written, { count: perSecond, perSecond });
      })();
      let committed = 0;
      for (let done = 0; done < kills; done++) {
        // Some die while they start or join, most while they read and commit.
        await sleep(100 + random.next() * 2200);
        const at = random.int(2);
        const killed = runs[at];
        await killed?.kill();
        committed += killed?.log().filter(({ event }) => event === "committed").length ?? 0;
        runs[at] = start();
      }
      isStreaming = false;
      await sent;
      await expectStream(pipeline, written);
      await Promise.all(runs.map((run) => run.stop()));
      await expectStream(pipeline, written, 0);
      const rows = written.counts.reduce((sum, count) => sum + count, 0);
      console.log(`${kills} kills over ${rows} events, ${committed} commits of those that died`);
      // Otherwise they died before they had done anything.
      expect(committed).toBeGreaterThan(kills / 2);
    });
  },
);
