import { describe, expect, test } from "bun:test";
import { parseConfigFile } from "../../../src/cli/settings/config-file.ts";
import {
  resolveSettings,
  type SettingSources,
} from "../../../src/cli/settings/resolve-settings.ts";
import { envNamesOf, flagOf } from "../../../src/cli/settings/setting.ts";
import {
  type CollectionKey,
  settingEntries,
  type SettingKey,
} from "../../../src/cli/settings/settings.ts";

function resolve(sources: {
  flags?: Readonly<Partial<Record<SettingKey, unknown>>>;
  env?: Readonly<Record<string, string>>;
  file?: string;
}): ReturnType<typeof resolveSettings> {
  const { flags = {}, env = {}, file } = sources;
  const all: SettingSources = {
    flags: new Map(settingEntries.flatMap(([key]) => key in flags ? [[key, flags[key]]] : [])),
    env,
    file: file === undefined ? null : parseConfigFile(file, { path: "c.yaml", env }),
  };
  return resolveSettings(all);
}

describe("resolveSettings()", () => {
  test("prefers flag to environment to file to default", () => {
    const flags = { flushRows: "1" };
    const env = { CDCDELTA_FLUSH_ROWS: "2", DELTA_BATCH_SIZE: "3" };
    const file = "flushRows: 4\n";
    const seen = [
      resolve({ flags, env, file }),
      resolve({ env, file }),
      resolve({ env: { DELTA_BATCH_SIZE: "3" }, file }),
      resolve({ file }),
      resolve({}),
    ].map(({ resolved }) => [resolved.values.flushRows, resolved.origins.get("flushRows")]);
    expect(seen).toEqual([
      [1, { kind: "flag", place: "--flush-rows" }],
      [2, { kind: "environment", place: "CDCDELTA_FLUSH_ROWS" }],
      [3, { kind: "environment", place: "DELTA_BATCH_SIZE" }],
      [4, { kind: "file", place: "c.yaml:1 flushRows" }],
      [2000, { kind: "default", place: "default" }],
    ]);
  });

  test("has the documented defaults", () => {
    const { values } = resolve({}).resolved;
    expect(values.flushRows).toBe(2000);
    expect(values.flushInterval).toBe(10_000);
    expect(values.schemaCacheTtl).toBe(300_000);
    expect(values.tablePath).toBe("{base}/{db}/{collection}");
    expect(values.partitionBy).toEqual(["_ingestion_date"]);
    expect(values.widen).toBe("rewrite");
  });

  const named: readonly (readonly [string, string, SettingKey, unknown])[] = [
    ["KAFKA_BOOTSTRAP_SERVERS", "a:9092,b:9092", "kafkaBootstrapServers", "a:9092,b:9092"],
    ["KAFKA_CONSUMER_GROUP", "g", "kafkaConsumerGroup", "g"],
    ["KAFKA_TOPIC_PATTERN", "cdc\\..*", "kafkaTopicPattern", "cdc\\..*"],
    ["KAFKA_AUTO_OFFSET_RESET", "latest", "kafkaAutoOffsetReset", "latest"],
    ["KAFKA_MAX_POLL_RECORDS", "500", "kafkaMaxPollRecords", 500],
    ["MINIO_ENDPOINT", "minio:9000", "s3Endpoint", "minio:9000"],
    ["MINIO_ACCESS_KEY", "a", "s3AccessKeyId", "a"],
    ["MINIO_SECRET_KEY", "s", "s3SecretAccessKey", "s"],
    ["MINIO_BUCKET", "lake", "s3Bucket", "lake"],
    ["DELTA_TABLE_BASE_PATH", "/data", "basePath", "/data"],
    ["DELTA_SCHEMA_CACHE_TTL", "60", "schemaCacheTtl", 60_000],
    ["DELTA_SCHEMA_CACHE_TTL", "2m", "schemaCacheTtl", 120_000],
    ["DELTA_BATCH_SIZE", "500", "flushRows", 500],
    ["DELTA_BATCH_TIMEOUT_MS", "1500", "flushInterval", 1500],
    ["AWS_ACCESS_KEY_ID", "a", "s3AccessKeyId", "a"],
    ["AWS_SECRET_ACCESS_KEY", "s", "s3SecretAccessKey", "s"],
    ["AWS_SESSION_TOKEN", "t", "s3SessionToken", "t"],
    ["AWS_REGION", "eu-central-1", "s3Region", "eu-central-1"],
    ["AWS_DEFAULT_REGION", "eu-west-1", "s3Region", "eu-west-1"],
    ["AWS_ENDPOINT_URL", "http://x:1", "s3Endpoint", "http://x:1"],
    ["AWS_ENDPOINT_URL_S3", "http://y:1", "s3Endpoint", "http://y:1"],
    ["AWS_CA_BUNDLE", "/ca.pem", "caBundle", "/ca.pem"],
    ["AWS_PROFILE", "p", "s3Profile", "p"],
    ["HTTPS_PROXY", "http://proxy:3128", "httpsProxy", "http://proxy:3128"],
    ["no_proxy", "localhost", "proxyBypass", "localhost"],
    ["CDCDELTA_COLUMN_TYPES", "a=decimal(4,2)", "columnTypes", {
      a: { kind: "decimal", precision: 4, scale: 2 },
    }],
    ["CDCDELTA_FOLLOW", "yes", "follow", true],
  ];
  test.each(named)("takes %s=%s", (name, text, key, value) => {
    const { resolved, problems } = resolve({ env: { [name]: text } });
    expect(problems).toEqual([]);
    expect(resolved.values[key]).toEqual(value as never);
    expect(resolved.origins.get(key)).toEqual({ kind: "environment", place: name });
  });

  test("takes an empty variable as not set", () => {
    const { resolved, problems } = resolve({ env: { DELTA_BATCH_SIZE: "", AWS_PROFILE: " " } });
    expect(problems).toEqual([]);
    expect(resolved.values.flushRows).toBe(2000);
    expect(resolved.values.s3Profile).toBe(null);
  });

  test("lets a flag switch off what the environment switches on", () => {
    const { resolved } = resolve({ flags: { follow: false }, env: { CDCDELTA_FOLLOW: "true" } });
    expect(resolved.values.follow).toBe(false);
    expect(resolved.origins.get("follow")?.place).toBe("--no-follow");
  });

  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ["DELTA_BATCH_SIZE", "0", /out of range/],
    ["DELTA_BATCH_SIZE", "2.5", /not a whole number/],
    ["DELTA_BATCH_SIZE", "1e3", /not a whole number/],
    ["DELTA_BATCH_TIMEOUT_MS", "soon", /not a duration/],
    ["CDCDELTA_FLUSH_INTERVAL", "10", /no unit/],
    ["CDCDELTA_FLUSH_BYTES", "64", /out of range/],
    ["CDCDELTA_FLUSH_BYTES", "lots", /not a size/],
    ["KAFKA_AUTO_OFFSET_RESET", "first", /not one of earliest, latest, none/],
    ["KAFKA_TOPIC_PATTERN", "(", /not a regular expression/],
    ["MINIO_ENDPOINT", "ftp://x", /not an endpoint/],
    ["MINIO_ENDPOINT", "http://x/bucket", /has a path/],
    ["MINIO_ENDPOINT", "http://user:hunter2@x", /cannot hold a user/],
    ["DELTA_TABLE_BASE_PATH", "gs://x/y", /no store for "gs:/],
    ["DELTA_TABLE_BASE_PATH", "s3:///y", /bucket name/],
    ["CDCDELTA_TABLE_PATH", "{base}/{table}", /unknown placeholder \{table\}/],
    ["CDCDELTA_TABLE_PATH", "{base}/../{db}", /climbs out/],
    ["CDCDELTA_TABLE_PATH", "{base/{db}", /unknown placeholder|brace/],
    ["CDCDELTA_PARTITION_BY", "a,,b", /empty name/],
    ["CDCDELTA_PARTITION_BY", "a,a", /named twice/],
    ["CDCDELTA_COLUMN_TYPES", "a", /not name=value/],
    ["CDCDELTA_PROPERTIES", "owner=me", /not a table property/],
    [
      "CDCDELTA_PROPERTIES",
      "delta.columnMapping.mode=name",
      /not a property that cdcdelta can set/,
    ],
    ["CDCDELTA_FOLLOW", "maybe", /neither true nor false/],
    ["HTTPS_PROXY", "proxy:3128", /not the URL of a proxy/],
  ];
  test.each(wrong)("refuses %s=%s with place and fix", (name, text, message) => {
    const { problems } = resolve({ env: { [name]: text } });
    expect(problems.map(({ place }) => place)).toEqual([name]);
    expect(problems[0]?.message).toMatch(message);
    expect(problems[0]?.fix).not.toBe("");
    expect(JSON.stringify(problems)).not.toContain("hunter2");
  });

  test("reports every problem of all sources at once", () => {
    const { problems } = resolve({
      flags: { flushRows: "x" },
      env: { DELTA_BATCH_TIMEOUT_MS: "x" },
      file: "workers: x\nnope: 1\n",
    });
    expect(problems.map(({ place }) => place).toSorted()).toEqual([
      "--flush-rows",
      "DELTA_BATCH_TIMEOUT_MS",
      "c.yaml:1 workers",
      "c.yaml:2 nope",
    ]);
  });
});

describe("the table of settings", () => {
  test("has no flag and no variable twice", () => {
    const flags = settingEntries.map(([key, each]) => flagOf(key, each));
    const names = settingEntries.flatMap(([key, each]) => envNamesOf(key, each).map((e) => e.name));
    expect(new Set(flags).size).toBe(flags.length);
    expect(new Set(names).size).toBe(names.length);
  });

  test("has no flag that commander takes for the denial of another", () => {
    expect(
      settingEntries.map(([key, each]) => flagOf(key, each)).filter((f) => f.startsWith("--no-")),
    )
      .toEqual([]);
  });

  test("shows every default in a form that reads as the same value", () => {
    for (const [key, each] of settingEntries) {
      if (each.default === null) continue;
      const shown = each.type.show(each.default);
      const again = each.type.schema.safeParse(
        Array.isArray(shown) && shown.length === 0 ? [] : shown,
      );
      if (Array.isArray(each.default) && each.default.length === 0) continue;
      expect([key, again.data]).toEqual([key, each.default]);
    }
  });

  test("says which settings a collection may have as the types do", () => {
    const byType: Record<CollectionKey, true> = {
      tablePath: true,
      partitionBy: true,
      columnTypes: true,
      includeFields: true,
      excludeFields: true,
      mask: true,
      rename: true,
      properties: true,
      keepDocument: true,
      keepTransactionId: true,
      decimals: true,
      columnsMax: true,
      depthMax: true,
    };
    const byTable = settingEntries.filter(([, each]) => each.perCollection === true);
    expect(byTable.map(([key]): string => key).toSorted()).toEqual(Object.keys(byType).toSorted());
  });
});
