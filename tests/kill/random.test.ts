import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import process from "node:process";
import { seededRandom } from "../simulation/seeded-random.ts";
import { isBinaryBuilt } from "../support/run-binary.ts";
import { type S3Stub, startS3Stub } from "../support/s3-stub.ts";
import { allStepsMs, failuresOf } from "./cases.ts";
import { kcatPieces, pairPieces } from "./events.ts";
import { type Lake, survives, undisturbedContent } from "./lake-check.ts";
import { localLake } from "./local-lake.ts";
import { s3Lake } from "./s3-lake.ts";

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const killsInAll = Number(process.env["KILLS"] ?? 30);
const killsOfCase = 3;

type TimedKill = { readonly afterMs: number };

describe.skipIf(!isBinaryBuilt())(`the binary, killed at any time (SEED=${seed})`, () => {
  let stub: S3Stub;

  beforeAll(async () => {
    stub = await startS3Stub();
  });

  afterAll(async () => await stub.stop());

  const pairs = { pieces: pairPieces(), sourceId: "shop" };
  const kcat = { pieces: kcatPieces(), sourceId: null };

  test.each([
    ["S3", () => s3Lake(stub, kcat)],
    ["a folder", () => localLake(pairs)],
  ])("%s: every event is there exactly once", async (_, newLake: () => Lake<TimedKill>) => {
    const startedMs = performance.now();
    const content = await undisturbedContent(newLake());
    const tookMs = performance.now() - startedMs;
    const random = seededRandom(seed);
    const cases = Array.from(
      { length: Math.ceil(killsInAll / killsOfCase / 2) },
      () =>
        Array.from({ length: killsOfCase }, (): TimedKill => ({
          afterMs: Math.floor(random.next() * tookMs),
        })),
    );
    const failures = await failuresOf(cases, async (kills) => {
      await survives(newLake(), kills, content);
    });
    expect(failures.map((failure) => `SEED=${seed} ${failure}`)).toEqual([]);
  }, allStepsMs);
});
