import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { settingEntries } from "../../src/cli/settings/settings.ts";
import { cli } from "./fake-world.ts";

const env = {
  MINIO_ACCESS_KEY: "visible-key",
  MINIO_SECRET_KEY: "hunter2-secret",
  AWS_SESSION_TOKEN: "hunter2-token",
  CDCDELTA_S3_SESSION_TOKEN: "hunter2-own-token",
  HTTPS_PROXY: "http://me:hunter2-proxy@proxy:3128",
  DELTA_BATCH_SIZE: "77",
};

type Printed = {
  readonly configFile: string | null;
  readonly settings: Readonly<
    Record<string, { readonly value: unknown; readonly origin: unknown }>
  >;
  readonly collections: unknown;
};

const parse = (text: string): Printed => JSON.parse(text) as Printed;

async function withFile<T>(content: string, use: (file: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-"));
  const file = path.join(folder, "c.yaml");
  try {
    writeFileSync(file, content);
    return await use(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("cdcdelta config", () => {
  test("prints every setting, its value and where it came from", async () => {
    const { code, stdout, stderr } = await cli(["config", "--flush-bytes", "1MiB"], { env });
    expect([code, stderr]).toEqual([0, ""]);
    for (const [key] of settingEntries) expect(stdout).toMatch(new RegExp(`^${key} `, "m"));
    expect(stdout).toMatch(/^flushRows +77 +environment: DELTA_BATCH_SIZE$/m);
    expect(stdout).toMatch(/^flushBytes +1MiB +flag: --flush-bytes$/m);
    expect(stdout).toMatch(/^flushInterval +10s +default$/m);
  });

  test("prints the same as JSON, in forms that a config file takes", async () => {
    const { stdout } = await cli(["config", "--format", "json"], { env });
    const { settings, configFile } = parse(stdout);
    expect(configFile).toBe(null);
    expect(Object.keys(settings)).toEqual(settingEntries.map(([key]): string => key));
    expect(settings["flushRows"])
      .toEqual({ value: 77, origin: { kind: "environment", place: "DELTA_BATCH_SIZE" } });
    const values = Object.entries(settings)
      .filter(([key, { value }]) => value !== null && !/secret|token|proxy/i.test(key))
      .map(([key, { value }]) => [key, value]);
    await withFile(JSON.stringify(Object.fromEntries(values)), async (file) => {
      const again = await cli(["config", "--config", file], {
        env: { CDCDELTA_S3_SECRET_ACCESS_KEY: "x" },
      });
      expect(again.stderr).toBe("");
      expect(again.code).toBe(0);
    });
  });

  test("never shows a secret, in either form", async () => {
    for (const format of ["table", "json"]) {
      const { stdout } = await cli(["config", "--format", format], { env });
      expect(stdout).not.toContain("hunter2");
      expect(stdout).toContain("********");
      expect(stdout).toContain("visible-key");
    }
  });

  test("shows the overrides of collections", async () => {
    const content = "collections:\n  shop\\.a:\n    partitionBy: none\n    properties: " +
      "{delta.appendOnly: true}\n";
    await withFile(content, async (file) => {
      const { stdout } = await cli(["config", "--config", file]);
      expect(stdout).toMatch(/^shop\\\.a +partitionBy +none$/m);
      expect(stdout).toMatch(/^shop\\\.a +properties +delta\.appendOnly=true$/m);
      const json = await cli(["config", "--config", file, "--format", "json"]);
      expect(parse(json.stdout).collections)
        .toEqual({
          "shop\\.a": { partitionBy: "none", properties: { "delta.appendOnly": "true" } },
        });
    });
  });

  test("takes the file from CDCDELTA_CONFIG, and the flag before it", async () => {
    await withFile("flushRows: 5\n", async (file) => {
      const { stdout } = await cli(["config"], { env: { CDCDELTA_CONFIG: file } });
      expect(stdout).toMatch(/^flushRows +5 +file: .*c\.yaml:1 flushRows$/m);
      const both = await cli(["config", "--config", file], { env: { CDCDELTA_CONFIG: "/none" } });
      expect(both.code).toBe(0);
    });
  });

  test("warns of a variable that looks like a misspelt setting, and of no other", async () => {
    const { code, stderr } = await cli(["config"], {
      env: { CDCDELTA_FLUSH_ROW: "1", CDCDELTA_SERVICE_HOST: "10.0.0.1", CDCDELTA_CACHE: "x" },
    });
    expect(code).toBe(0);
    expect(stderr)
      .toBe(
        "cdcdelta: warning: CDCDELTA_FLUSH_ROW is no setting; did you mean CDCDELTA_FLUSH_ROWS?\n",
      );
  });
});
