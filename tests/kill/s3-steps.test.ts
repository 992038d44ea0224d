import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { isBinaryBuilt } from "../support/run-binary.ts";
import { type S3Step, type S3Stub, startS3Stub } from "../support/s3-stub.ts";
import { allStepsMs, failuresOf, spread } from "./cases.ts";
import { kcatPieces, pairPieces } from "./events.ts";
import { survives, undisturbedContent } from "./lake-check.ts";
import type { Input } from "./paced-run.ts";
import { type S3Kill, s3Lake } from "./s3-lake.ts";

describe.skipIf(!isBinaryBuilt())("the binary, killed at requests to S3", () => {
  let stub: S3Stub;

  beforeAll(async () => {
    stub = await startS3Stub();
  });

  afterAll(async () => await stub.stop());

  test.each([
    ["key and value, positions by byte", { pieces: pairPieces(), sourceId: "shop" }, 8],
    ["kcat, positions of two partitions", { pieces: kcatPieces(), sourceId: null }, 4],
  ])("%s: every event is there exactly once", async (_, input: Input, count: number) => {
    const model = s3Lake(stub, input);
    const content = await undisturbedContent(model);
    const first = killPoints(model.steps);
    const middle: S3Kill = { step: Math.floor(model.steps.length / 2), when: "after" };
    const cases = [
      ...spread(first, count).map((kill) => [kill]),
      ...spread(first, count).map((kill) => [middle, kill]),
    ];
    let reached = 0;
    const failures = await failuresOf(cases, async (kills) => {
      const { unreached } = await survives(s3Lake(stub, input), kills, content);
      if (unreached === 0) reached++;
    });
    expect(failures).toEqual([]);
    // A resumed run makes fewer requests, so that some of the last steps are never reached.
    expect(reached).toBeGreaterThanOrEqual(Math.floor(cases.length * 0.6));
  }, allStepsMs);
});

/** A request that only reads has no effect to land. */
function killPoints(steps: readonly S3Step[]): S3Kill[] {
  return steps.flatMap(({ operation }, i): S3Kill[] => {
    const step = i + 1;
    const reads = ["GetObject", "HeadObject", "ListObjectsV2"].includes(operation);
    return reads ? [{ step, when: "before" }] : [{ step, when: "before" }, { step, when: "after" }];
  });
}
