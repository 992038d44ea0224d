import { subStore } from "../../src/delta/storage/object-store.ts";
import type { RunningBinary } from "../support/run-binary.ts";
import type { S3Step, S3Stub } from "../support/s3-stub.ts";
import type { Lake } from "./lake-check.ts";
import { type Input, startPacedRun, wasKilled } from "./paced-run.ts";

/** Where a run dies: before a request has any effect, after it with no answer, or some time. */
export type S3Kill =
  | { readonly step: number; readonly when: "before" | "after" }
  | { readonly afterMs: number };

let buckets = 0;

/** A bucket of its own in the stub; `steps` are the requests of the last run. */
export function s3Lake(stub: S3Stub, input: Input): Lake<S3Kill> & { readonly steps: S3Step[] } {
  const bucket = `lake-${++buckets}`;
  const steps: S3Step[] = [];
  let running: RunningBinary | null = null;
  let runs = 0;
  let point: S3Kill | null = null;
  const store = stub.makeBucket(bucket, {
    pageKeys: 3,
    async intercept(step, apply) {
      steps.push(step);
      if (point === null || !("step" in point) || steps.length !== point.step) return await apply();
      if (point.when === "after") await apply();
      running?.kill("SIGKILL");
      await running?.ended;
      return null;
    },
  });
  const env = {
    MINIO_ENDPOINT: stub.endpoint,
    MINIO_ACCESS_KEY: stub.accessKey,
    MINIO_SECRET_KEY: stub.secretKey,
  };
  return {
    store: subStore(store, "base"),
    steps,
    async run(kill) {
      steps.length = 0;
      point = kill;
      const child = startPacedRun(`s3://${bucket}/base`, input, { env, isResumed: runs++ > 0 });
      running = child;
      if (kill !== null && "afterMs" in kill) {
        setTimeout(() => child.kill("SIGKILL"), kill.afterMs);
      }
      return wasKilled(await child.ended);
    },
    drop: () => stub.dropBucket(bucket),
  };
}
