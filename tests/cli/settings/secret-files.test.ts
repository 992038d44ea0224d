import { describe, expect, test } from "bun:test";
import { resolveSettings } from "../../../src/cli/settings/resolve-settings.ts";

const files: Readonly<Record<string, string>> = { "/run/pw": "s3cret\n", "/run/token": "t\n" };

function resolve(env: Readonly<Record<string, string>>): ReturnType<typeof resolveSettings> {
  return resolveSettings({
    flags: new Map(),
    env,
    file: null,
    readSecret: (path) => {
      const text = files[path];
      if (text === undefined) throw new Error("ENOENT");
      return text;
    },
  });
}

describe("a variable with _FILE", () => {
  test("names the file of a secret; the end of its line is not part of it", () => {
    const { resolved, problems } = resolve({ KAFKA_SASL_PASSWORD_FILE: "/run/pw" });
    expect(problems).toEqual([]);
    expect(resolved.values.kafkaSaslPassword).toBe("s3cret");
    expect(resolved.origins.get("kafkaSaslPassword")).toEqual({
      kind: "environment",
      place: "KAFKA_SASL_PASSWORD_FILE",
    });
  });

  test("counts after the variable itself", () => {
    const env = { KAFKA_SASL_PASSWORD: "direct", KAFKA_SASL_PASSWORD_FILE: "/nowhere" };
    const { resolved, problems } = resolve(env);
    expect([resolved.values.kafkaSaslPassword, problems]).toEqual(["direct", []]);
  });

  test("is a problem when the file cannot be read", () => {
    const { problems } = resolve({ MINIO_SECRET_KEY_FILE: "/nowhere" });
    expect(problems).toEqual([{
      place: "MINIO_SECRET_KEY_FILE",
      message: "the file cannot be read: ENOENT",
      fix: "correct the path, or the file's permissions",
    }]);
  });

  test("means nothing for what is no secret, and itself where it is a setting", () => {
    const { resolved, problems } = resolve({
      KAFKA_SASL_USERNAME_FILE: "/run/pw",
      KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: "/run/token",
    });
    expect(problems).toEqual([]);
    expect(resolved.values.kafkaSaslUsername).toBeNull();
    expect(resolved.values.kafkaOauthToken).toBeNull();
    expect(resolved.values.kafkaOauthTokenFile).toBe("/run/token");
  });
});
