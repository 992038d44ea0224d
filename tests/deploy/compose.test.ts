import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { deriveSettings } from "../../src/cli/settings/derive-settings.ts";
import { resolveSettings } from "../../src/cli/settings/resolve-settings.ts";
import { envNamesOf } from "../../src/cli/settings/setting.ts";
import { settingEntries } from "../../src/cli/settings/settings.ts";
import { projectRoot } from "../support/project-root.ts";
import {
  type ComposeService,
  environmentOf,
  readComposeFile,
  readEnvFile,
} from "./compose-file.ts";

const { services, volumes } = readComposeFile();
const byName = Object.entries(services);
const isOneShot = ({ restart }: ComposeService): boolean => /^(?:no|on-failure)/.test(restart);
const service = (name: string): ComposeService => {
  const found = services[name];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
};

/** Names of all environment variables that are settings. */
const settingNames = new Set(
  settingEntries.flatMap(([key, each]) => envNamesOf(key, each).map(({ name }) => name)),
);

/** Those of the foundation, which are promised to work as they stand. */
const promised = [
  "KAFKA_BOOTSTRAP_SERVERS",
  "KAFKA_CONSUMER_GROUP",
  "KAFKA_TOPIC_PATTERN",
  "KAFKA_AUTO_OFFSET_RESET",
  "KAFKA_MAX_POLL_RECORDS",
  "MINIO_ENDPOINT",
  "MINIO_ACCESS_KEY",
  "MINIO_SECRET_KEY",
  "MINIO_BUCKET",
  "DELTA_TABLE_BASE_PATH",
  "DELTA_SCHEMA_CACHE_TTL",
  "DELTA_BATCH_SIZE",
  "DELTA_BATCH_TIMEOUT_MS",
];

describe("docker-compose.yml", () => {
  test("has every part of the pipeline", () => {
    expect(Object.keys(services).sort()).toEqual([
      "cdcdelta",
      "connect",
      "connector",
      "kafka",
      "minio",
      "minio-init",
      "mongodb",
      "mongodb-init",
    ]);
  });

  test.each(byName)("%s has an image of one version", (_name, { image }) => {
    expect(image).toMatch(/^[a-z0-9./-]+:(?:RELEASE\.)?\d[\w.-]+$/);
    expect(image).not.toContain("latest");
  });

  test.each(byName.filter(([, each]) => !isOneShot(each)))(
    "%s runs for good and says whether it is well",
    (_name, { healthcheck, restart, stop_grace_period: grace }) => {
      expect(restart).toBe("unless-stopped");
      expect(healthcheck?.test.length).toBeGreaterThan(1);
      expect(grace).toBeDefined();
    },
  );

  test.each(byName)("%s waits for parts that exist, in a way they can answer", (name, each) => {
    for (const [needed, { condition }] of Object.entries(each.depends_on ?? {})) {
      expect(condition, `${name} → ${needed}`)
        .toBe(isOneShot(service(needed)) ? "service_completed_successfully" : "service_healthy");
    }
  });

  test("nothing waits for itself", () => {
    const reaches = (from: string, seen: readonly string[]): readonly string[] =>
      Object.keys(service(from).depends_on ?? {}).flatMap((next) =>
        seen.includes(next) ? [...seen, next] : reaches(next, [...seen, next])
      );
    for (const [name] of byName) expect(reaches(name, [name])).toEqual([]);
  });

  test("cdcdelta starts after everything that it reads and writes", () => {
    const wanted: string[] = [];
    const walk = (name: string): void => {
      for (const next of Object.keys(service(name).depends_on ?? {})) {
        wanted.push(next);
        walk(next);
      }
    };
    walk("cdcdelta");
    expect(new Set(wanted)).toEqual(new Set(Object.keys(services).filter((n) => n !== "cdcdelta")));
  });

  test.each(["cdcdelta", "connector"])("%s needs no rights and writes nothing", (name) => {
    const hardened = service(name);
    expect(hardened).toMatchObject({
      read_only: true,
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
      user: "65532:65532",
    });
    expect(hardened.volumes).toBeUndefined();
  });

  test("servers run as somebody else than root where their images allow it", () => {
    const rooted = byName.filter(([, { user }]) => user === undefined || user.startsWith("0:"));
    // Debezium's image sets a user of its own; MinIO's volume belongs to root.
    expect(rooted.map(([name]) => name).sort()).toEqual(["connect", "minio", "minio-init"]);
  });

  test("no two services publish one port; cdcdelta's is 8001", () => {
    const ports = byName.flatMap(([, each]) =>
      (each.ports ?? []).map((port) => port.split(":")[1])
    );
    expect(new Set(ports).size).toBe(ports.length);
    expect(service("cdcdelta").ports).toEqual(["127.0.0.1:8001:8001"]);
  });

  test("every volume is declared and used", () => {
    const used = byName.flatMap(([, each]) => (each.volumes ?? []).map((one) => one.split(":")[0]));
    expect(used.sort()).toEqual(Object.keys(volumes).sort());
  });

  test("every variable of cdcdelta is one of its settings, and every promised one is there", () => {
    const names = Object.keys(service("cdcdelta").environment ?? {});
    expect(names.filter((name) => !settingNames.has(name))).toEqual([]);
    expect(promised.filter((name) => !names.includes(name))).toEqual([]);
  });

  test("another bucket takes the tables along", () => {
    const env = { MINIO_BUCKET: "other" };
    const given = environmentOf(service("cdcdelta"), env);
    const read = resolveSettings({ flags: new Map(), env: given, file: null });
    const { resolved } = deriveSettings(read.resolved, { cores: 2, memoryLimitBytes: 2 ** 30 });
    expect([read.problems, resolved.values.basePath]).toEqual([[], "s3://other/cdc"]);
    expect(environmentOf(service("minio-init"), env)["MINIO_BUCKET"]).toBe("other");
  });

  test(
    "the connector gets every variable that its configuration refers to",
    () => {
      const { command = [], environment = {} } = service("connector");
      const file = (command[1] ?? "").replace("/etc/cdcdelta/", "");
      const template = path.join(projectRoot, "deploy", file);
      expect(command[0]).toBe("deploy-connector");
      expect(existsSync(template)).toBe(true);
      const required = [...readFileSync(template, "utf8").matchAll(/\$\{(\w+)\}/g)]
        .map(([, name = ""]) => name);
      expect(required.filter((name) => !(name in environment))).toEqual([]);
      const known = [...readFileSync(template, "utf8").matchAll(/\$\{(\w+)/g)]
        .map(([, name = ""]) => name);
      expect(
        Object.keys(environment).filter((name) => !settingNames.has(name) && !known.includes(name)),
      ).toEqual([]);
    },
  );

  test("the example of an environment holds the defaults, and nothing that is not read", () => {
    const example = readEnvFile(".env.example");
    for (const [name, each] of byName) {
      expect(environmentOf(each, example), name).toEqual(environmentOf(each));
    }
    const text = readFileSync(path.join(projectRoot, "deploy", "docker-compose.yml"), "utf8");
    expect(Object.keys(example).filter((name) => !text.includes(`\${${name}:-`))).toEqual([]);
  });
});
