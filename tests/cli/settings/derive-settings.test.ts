import { describe, expect, test } from "bun:test";
import { deriveSettings, type SystemFacts } from "../../../src/cli/settings/derive-settings.ts";
import { resolveSettings } from "../../../src/cli/settings/resolve-settings.ts";
import type { SettingKey } from "../../../src/cli/settings/settings.ts";

const system: SystemFacts = { cores: 3, memoryLimitBytes: 512 * 1024 ** 2 };

function derive(
  env: Readonly<Record<string, string>>,
  flags: readonly (readonly [SettingKey, unknown])[] = [],
  facts = system,
): ReturnType<typeof deriveSettings> {
  const { resolved, problems } = resolveSettings({ flags: new Map(flags), env, file: null });
  expect(problems).toEqual([]);
  return deriveSettings(resolved, facts);
}

describe("deriveSettings()", () => {
  const paths: readonly (readonly [Readonly<Record<string, string>>, string | null])[] = [
    [{}, null],
    [{ DELTA_TABLE_BASE_PATH: "/data/lake" }, "/data/lake"],
    [{ DELTA_TABLE_BASE_PATH: "lake" }, "lake"],
    [{ MINIO_BUCKET: "b" }, "s3://b"],
    [{ MINIO_BUCKET: "b", DELTA_TABLE_BASE_PATH: "cdc/tables/" }, "s3://b/cdc/tables"],
    [{ MINIO_BUCKET: "b", DELTA_TABLE_BASE_PATH: "/data" }, "/data"],
    [{ MINIO_BUCKET: "b", DELTA_TABLE_BASE_PATH: "./data" }, "./data"],
    [{ MINIO_BUCKET: "b", DELTA_TABLE_BASE_PATH: "s3://other/d" }, "s3://other/d"],
    [{ MINIO_BUCKET: "b", DELTA_TABLE_BASE_PATH: "s3a://other/d" }, "s3://other/d"],
    [{ MINIO_BUCKET: "b", DELTA_TABLE_BASE_PATH: "file:///d" }, "file:///d"],
  ];
  test.each(paths)("makes of %p the base path %p", (env, basePath) => {
    expect(derive(env).resolved.values.basePath).toBe(basePath);
  });

  test("tells where a combined base path comes from", () => {
    const { resolved } = derive({ MINIO_BUCKET: "b", DELTA_TABLE_BASE_PATH: "x" });
    expect(resolved.origins.get("basePath"))
      .toEqual({ kind: "derived", place: "MINIO_BUCKET and DELTA_TABLE_BASE_PATH" });
  });

  const endpoints: readonly (readonly [Readonly<Record<string, string>>, string | null, string])[] =
    [
      [{}, null, "false"],
      [{ MINIO_ENDPOINT: "minio:9000" }, "http://minio:9000", "true"],
      [{ MINIO_ENDPOINT: "minio:9000", MINIO_SECURE: "true" }, "https://minio:9000", "true"],
      [{ MINIO_ENDPOINT: "https://m", MINIO_SECURE: "false" }, "https://m", "true"],
      [{ MINIO_ENDPOINT: "m", CDCDELTA_S3_PATH_STYLE: "false" }, "http://m", "false"],
      [{ MINIO_ENDPOINT: "m:1", AWS_ENDPOINT_URL: "http://aws" }, "http://m:1", "true"],
    ];
  test.each(endpoints)("makes of %p the endpoint %p", (env, endpoint, pathStyle) => {
    const { values } = derive(env).resolved;
    expect(values.s3Endpoint).toBe(endpoint);
    expect(values.s3PathStyle).toBe(pathStyle as "true");
  });

  const unpaired: readonly (readonly [Readonly<Record<string, string>>, string, string])[] = [
    [{ MINIO_ACCESS_KEY: "a" }, "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"],
    [{ MINIO_SECRET_KEY: "s" }, "MINIO_SECRET_KEY", "MINIO_ACCESS_KEY"],
    [{ AWS_ACCESS_KEY_ID: "a" }, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
    [
      { MINIO_ACCESS_KEY: "a", AWS_ACCESS_KEY_ID: "b", AWS_SECRET_ACCESS_KEY: "s" },
      "MINIO_ACCESS_KEY",
      "MINIO_SECRET_KEY",
    ],
    [
      { AWS_ACCESS_KEY_ID: "b", MINIO_SECRET_KEY: "s" },
      "MINIO_SECRET_KEY",
      "MINIO_ACCESS_KEY",
    ],
  ];
  test.each(unpaired)("refuses half a pair of keys: %p", (env, place, missing) => {
    const { problems } = derive(env);
    expect(problems.map((problem) => problem.place)).toEqual([place]);
    expect(problems[0]?.fix).toContain(missing);
  });

  test("takes whole pairs, MinIO's before AWS's", () => {
    const both = {
      MINIO_ACCESS_KEY: "m",
      MINIO_SECRET_KEY: "ms",
      AWS_ACCESS_KEY_ID: "a",
      AWS_SECRET_ACCESS_KEY: "as",
    };
    const { resolved, problems } = derive(both);
    expect(problems).toEqual([]);
    expect(resolved.values.s3AccessKeyId).toBe("m");
    expect(resolved.values.s3SecretAccessKey).toBe("ms");
  });

  test("uses AWS's session token with AWS's keys only", () => {
    const aws = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "s", AWS_SESSION_TOKEN: "t" };
    expect(derive(aws).resolved.values.s3SessionToken).toBe("t");
    const minio = { MINIO_ACCESS_KEY: "m", MINIO_SECRET_KEY: "s", AWS_SESSION_TOKEN: "t" };
    expect(derive(minio).resolved.values.s3SessionToken).toBe(null);
  });

  test("refuses a KMS key without KMS", () => {
    const flags = [["s3KmsKeyId", "k"]] as const;
    expect(derive({}, flags).problems.map(({ place }) => place)).toEqual(["--s3-kms-key-id"]);
    expect(derive({}, [...flags, ["s3ServerSideEncryption", "aws:kms"]]).problems).toEqual([]);
  });

  test("names the pipeline by the consumer group", () => {
    expect(derive({}).resolved.values.pipelineId).toBe("cdcdelta");
    expect(derive({ KAFKA_CONSUMER_GROUP: "g" }).resolved.values.pipelineId).toBe("g");
    expect(derive({ CDCDELTA_PIPELINE_ID: "p" }).resolved.values.pipelineId).toBe("p");
  });

  test("takes workers and memory from the machine unless told", () => {
    const { values } = derive({}).resolved;
    expect(values.memory).toBe(384 * 1024 ** 2);
    expect(values.workers).toBe(2);
    const large = derive({}, [], { cores: 64, memoryLimitBytes: 2 ** 40 }).resolved.values;
    expect(large.memory).toBe(512 * 1024 ** 2);
    expect(large.workers).toBe(3);
    const small = derive({}, [], { cores: 4, memoryLimitBytes: 2 ** 26 }).resolved.values;
    expect(small).toMatchObject({ memory: 192 * 1024 ** 2, workers: 1 });
    expect(derive({ CDCDELTA_WORKERS: "0" }).resolved.values.workers).toBe(0);
    expect(derive({ CDCDELTA_MEMORY: "4GiB" }).resolved.values.workers).toBe(3);
  });
});
