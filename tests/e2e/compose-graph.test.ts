import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import path from "node:path";
import { MongoClient } from "mongodb";
import { environmentOf, readComposeFile } from "../deploy/compose-file.ts";
import { freePort } from "../support/minio.ts";
import { projectRoot } from "../support/project-root.ts";
import { runBinary } from "../support/run-binary.ts";
import { startTableQueries, type TableQueries } from "../support/table-queries.ts";
import { type CdcdeltaRun, killAllRuns, startRun } from "./cdcdelta-run.ts";
import { isLiveStackPossible, type LiveStack, liveStack } from "./live-stack.ts";
import { makeBucket } from "./buckets.ts";
import { untilRight } from "./until.ts";

setDefaultTimeout(180_000);

describe.skipIf(!(await isLiveStackPossible()))("the graph of docker-compose.yml", () => {
  const { services } = readComposeFile();
  let stack: LiveStack;
  let queries: TableQueries;
  let run: CdcdeltaRun | null = null;
  let port = 0;

  /** What a service's process gets, with the names of containers replaced by our own addresses. */
  const environment = (name: string): Record<string, string> => {
    const service = services[name];
    if (service === undefined) throw new Error(`no service ${name}`);
    const addresses: readonly (readonly [inside: string, here: string])[] = [
      ["kafka:9092", stack.urls.kafka],
      ["http://minio:9000", stack.urls.minio],
      ["http://connect:8083", stack.urls.connect],
      ["mongodb://mongodb:27017/?replicaSet=rs0", stack.urls.mongodb],
    ];
    return Object.fromEntries(
      Object.entries(environmentOf(service)).map(([key, value]) => [
        key,
        addresses.find(([inside]) => inside === value)?.[1] ?? value,
      ]),
    );
  };
  /** A command of the file, with paths of the image replaced by those of the checkout. */
  const command = (words: readonly string[]): string[] =>
    words.map((word) =>
      word.replace(/^\/etc\/cdcdelta\//, `${path.join(projectRoot, "deploy")}${path.sep}`)
    );

  beforeAll(async () => {
    stack = await liveStack();
    queries = startTableQueries(stack.readerEnv);
    port = await freePort();
  });

  afterAll(async () => {
    await killAllRuns();
    const args = ["deploy-connector", "--delete", "--yes"];
    await runBinary(args, { env: environment("connector") });
    await queries.stop();
  });

  test("no address of a container is left", () => {
    const names = Object.keys(services).join("|");
    const all = ["connector", "cdcdelta"].flatMap((name) => Object.values(environment(name)));
    expect(all.filter((value) => new RegExp(`(?:^|/)(?:${names}):\\d`).test(value))).toEqual([]);
  });

  test("minio-init: the bucket", async () => {
    const { MINIO_BUCKET: bucket = "" } = environment("cdcdelta");
    expect(environment("minio-init")["MINIO_BUCKET"]).toBe(bucket);
    await makeBucket(stack, bucket);
  });

  test("connector: its command deploys the connector and exits 0", async () => {
    const args = command(services["connector"]?.command ?? []);
    const { status, stdout, stderr } = await runBinary(args, {
      env: environment("connector"),
      timeoutMs: 120_000,
    });
    expect({ status, output: stdout + stderr }).toMatchObject({ status: 0 });
  });

  test("cdcdelta: starts with its variables, and documents arrive in MinIO", async () => {
    const mongo = new MongoClient(stack.urls.mongodb);
    const database = `compose-${port}`;
    await mongo.db(database).collection("orders").insertMany([{ n: 1 }, { n: 2 }, { n: 3 }]);
    const env = environment("cdcdelta");
    const [first = "", ...args] = services["cdcdelta"]?.command ?? [];
    expect(first).toBe("run");
    // The container has its port for itself; this machine may not.
    run = startRun("compose", args, { ...env, CDCDELTA_HTTP_PORT: String(port) });
    await untilRight("the rows", async () => {
      const base = env["DELTA_TABLE_BASE_PATH"] ?? "";
      // A path without a scheme lies in the bucket.
      const root = base.startsWith("s3:") ? base : `s3://${env["MINIO_BUCKET"]}/${base}`;
      const table = `${root}/${database}/orders`;
      const rows = await queries.query("duckdb", table, "select n from t order by n");
      return JSON.stringify(rows) === '[{"n":"i:1"},{"n":"i:2"},{"n":"i:3"}]'
        ? null
        : JSON.stringify(rows);
    }, { timeoutMs: 90_000 });
    await mongo.close();
  });

  test("cdcdelta: its health check tells that it is well, and then that it is gone", async () => {
    const [kind, , ...args] = services["cdcdelta"]?.healthcheck?.test ?? [];
    expect(kind).toBe("CMD");
    const env = { ...environment("cdcdelta"), CDCDELTA_HTTP_PORT: String(port) };
    expect(await runBinary(args, { env })).toMatchObject({ status: 0 });
    await run?.stop();
    expect((await runBinary(args, { env })).status).toBe(1);
  });
});
