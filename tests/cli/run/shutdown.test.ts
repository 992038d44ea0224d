import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runCli } from "../../../src/cli/run-cli.ts";
import { type S3Step, type S3Stub, startS3Stub } from "../../support/s3-stub.ts";
import { fakeWorld } from "../fake-world.ts";

let stub: S3Stub;
let folder = "";

beforeAll(async () => {
  stub = await startS3Stub();
  folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-shutdown-"));
  const source = { db: "shop", collection: "orders", ts_ms: 1, name: "cdc", connector: "mongodb" };
  const event = { after: '{"_id":1}', before: null, source, op: "c", ts_ms: 1 };
  writeFileSync(path.join(folder, "events.ndjson"), `${JSON.stringify(event)}\n`);
});

afterAll(async () => {
  await stub.stop();
  rmSync(folder, { recursive: true });
});

/** A run over a store that lets some requests hang. */
function runOver(
  bucket: string,
  hangs: (step: S3Step) => boolean,
  ...flags: readonly string[]
): ReturnType<typeof fakeWorld> & { readonly hanging: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  stub.makeBucket(bucket, {
    intercept(step, apply) {
      if (!hangs(step)) return apply();
      resolve();
      return Promise.resolve(null);
    },
  });
  const argv = ["run", "--workers", "0", "--source", path.join(folder, "events.ndjson")];
  const env = {
    MINIO_ENDPOINT: stub.endpoint,
    MINIO_ACCESS_KEY: stub.accessKey,
    MINIO_SECRET_KEY: stub.secretKey,
    DELTA_TABLE_BASE_PATH: `s3://${bucket}`,
  };
  return { ...fakeWorld([...argv, ...flags], { env }), hanging: promise };
}

const isCommit = ({ operation, key }: S3Step): boolean =>
  operation === "PutObject" && key.includes("/_delta_log/");

describe("a run that is told to end", () => {
  test("gives up after the grace what it could not commit, and says so with 3", async () => {
    const run = runOver("grace", isCommit, "--shutdown-grace", "50ms");
    const running = runCli(run.world);
    await run.hanging;
    run.signal("SIGTERM");
    expect(await running).toBe(3);
    expect(run.stderr()).toContain("The shutdown grace is over");
    expect(run.exits).toEqual([]);
  });

  test("ends with 0 although it did not even get to read", async () => {
    const run = runOver("early", () => true);
    const running = runCli(run.world);
    await run.hanging;
    run.signal("SIGTERM");
    expect(await running).toBe(0);
    expect(run.stdout()).toContain("ended by");
  });
});
