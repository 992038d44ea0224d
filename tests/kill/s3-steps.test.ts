import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ObjectStore, subStore } from "../../src/delta/storage/object-store.ts";
import { isBinaryBuilt, type RunningBinary } from "../support/run-binary.ts";
import { type S3Step, type S3Stub, startS3Stub } from "../support/s3-stub.ts";
import { failuresOf, spread } from "./cases.ts";
import { kcatPieces, pairPieces } from "./events.ts";
import { contentOf, type LakeContent, lintLake } from "./lake.ts";
import { startPacedRun } from "./paced-run.ts";

/** Where a run dies: before a request has any effect, or after it, with no answer. */
type KillPoint = { readonly step: number; readonly when: "before" | "after" };

type Input = { readonly pieces: readonly string[]; readonly sourceId: string | null };

const allStepsMs = 30 * 60_000;
// Checkpoints are steps as well.
const flags = ["--property", "delta.checkpointInterval=2"];

describe.skipIf(!isBinaryBuilt())("the binary, killed at requests to S3", () => {
  let stub: S3Stub;
  let buckets = 0;

  beforeAll(async () => {
    stub = await startS3Stub();
  });

  afterAll(async () => await stub.stop());

  /** A bucket of its own, and runs into it that may die on the way. */
  function newLake(): {
    readonly bucket: string;
    readonly store: ObjectStore;
    /** Null: the run was not killed. Returns the requests it made. */
    run(input: Input, kill: KillPoint | null): Promise<{ steps: S3Step[]; killed: boolean }>;
  } {
    const bucket = `lake-${++buckets}`;
    let steps: S3Step[] = [];
    let running: RunningBinary | null = null;
    let point: KillPoint | null = null;
    const store = stub.makeBucket(bucket, {
      pageKeys: 3,
      async intercept(step, apply) {
        steps.push(step);
        if (point === null || steps.length !== point.step) return await apply();
        if (point.when === "after") await apply();
        running?.kill("SIGKILL");
        await running?.ended;
        return null;
      },
    });
    return {
      bucket,
      store: subStore(store, "base"),
      async run({ pieces, sourceId }, kill) {
        steps = [];
        point = kill;
        const env = {
          MINIO_ENDPOINT: stub.endpoint,
          MINIO_ACCESS_KEY: stub.accessKey,
          MINIO_SECRET_KEY: stub.secretKey,
        };
        running = startPacedRun({ basePath: `s3://${bucket}/base`, pieces, sourceId, flags, env });
        const { status, signal, stderr } = await running.ended;
        if (signal === "SIGKILL") return { steps, killed: true };
        if (status !== 0) throw new Error(`ended with ${status ?? signal}:\n${stderr}`);
        return { steps, killed: false };
      },
    };
  }

  /** What a run does that nobody disturbs: its requests and the tables it makes. */
  async function undisturbed(input: Input): Promise<{ steps: S3Step[]; content: LakeContent }> {
    const lake = newLake();
    const { steps } = await lake.run(input, null);
    expect(await lintLake(lake.store)).toEqual([]);
    const content = await contentOf(lake.store);
    stub.dropBucket(lake.bucket);
    return { steps, content };
  }

  /** Runs again and again, killed where told, and at last undisturbed; the tables must be right. */
  async function survives(input: Input, kills: readonly KillPoint[], content: LakeContent) {
    const lake = newLake();
    for (const kill of kills) {
      const { killed } = await lake.run(input, kill);
      const findings = await lintLake(lake.store);
      if (findings.length > 0) throw new Error(`half-written: ${findings.join("; ")}`);
      // The request is not made when others took its place; the run is then done.
      if (!killed) unreached++;
    }
    await lake.run(input, null);
    const findings = await lintLake(lake.store);
    if (findings.length > 0) throw new Error(findings.join("; "));
    expect(await contentOf(lake.store)).toEqual(content);
    stub.dropBucket(lake.bucket);
  }

  let unreached = 0;

  test.each([
    ["key and value, positions by byte", { pieces: pairPieces(), sourceId: "shop" }],
    ["kcat, positions of two partitions", { pieces: kcatPieces(), sourceId: null }],
  ])("%s: every event is there exactly once", async (_, input: Input) => {
    const { steps, content } = await undisturbed(input);
    unreached = 0;
    const first = killPoints(steps);
    const last = Math.floor(steps.length * 0.8);
    const middle: KillPoint = { step: Math.floor(steps.length / 2), when: "after" };
    const cases = [
      ...spread(first, 14).map((kill) => [kill]),
      // What a resumed run does first is what it has to get right, so its first requests are dense.
      ...spread(first.filter(({ step }) => step <= last), 14).map((kill) => [middle, kill]),
    ];
    expect(
      await failuresOf(cases, (kills) => survives(input, kills, content)),
    ).toEqual([]);
    expect(unreached).toBeLessThanOrEqual(cases.length / 5);
  }, allStepsMs);
});

/** A request that only reads has no effect to land. */
function killPoints(steps: readonly S3Step[]): KillPoint[] {
  return steps.flatMap(({ operation }, i): KillPoint[] => {
    const step = i + 1;
    const reads = ["GetObject", "HeadObject", "ListObjectsV2"].includes(operation);
    return reads ? [{ step, when: "before" }] : [{ step, when: "before" }, { step, when: "after" }];
  });
}
