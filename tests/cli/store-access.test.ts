import { describe, expect, test } from "bun:test";
import { proxyFor } from "../../src/cli/proxy.ts";
import { deriveSettings } from "../../src/cli/settings/derive-settings.ts";
import { resolveSettings } from "../../src/cli/settings/resolve-settings.ts";
import { s3Options } from "../../src/cli/store-access.ts";

function options(env: Readonly<Record<string, string>>): ReturnType<typeof s3Options> {
  const { resolved } = resolveSettings({ flags: new Map(), env, file: null });
  const system = { cores: 1, memoryLimitBytes: 2 ** 30 };
  return s3Options(deriveSettings(resolved, system).resolved.values);
}

describe("s3Options()", () => {
  test("of an empty environment leave keys to the AWS chain", () => {
    expect(options({})).toEqual({ region: "us-east-1", pathStyle: false });
  });

  test("of MinIO's variables", () => {
    const env = {
      MINIO_ENDPOINT: "minio:9000",
      MINIO_ACCESS_KEY: "a",
      MINIO_SECRET_KEY: "s",
      AWS_SESSION_TOKEN: "of somebody else",
      AWS_PROFILE: "p",
    };
    expect(options(env)).toEqual({
      region: "us-east-1",
      pathStyle: true,
      endpoint: "http://minio:9000",
      credentials: { accessKeyId: "a", secretAccessKey: "s" },
    });
  });

  test("of AWS's variables", () => {
    const env = {
      AWS_REGION: "eu-west-1",
      AWS_ACCESS_KEY_ID: "a",
      AWS_SECRET_ACCESS_KEY: "s",
      AWS_SESSION_TOKEN: "t",
      HTTPS_PROXY: "http://proxy:3128",
      CDCDELTA_S3_SERVER_SIDE_ENCRYPTION: "aws:kms",
      CDCDELTA_S3_KMS_KEY_ID: "k",
    };
    expect(options(env)).toEqual({
      region: "eu-west-1",
      pathStyle: false,
      credentials: { accessKeyId: "a", secretAccessKey: "s", sessionToken: "t" },
      proxyUrl: "http://proxy:3128",
      encryption: { kind: "kms", keyId: "k" },
    });
    expect(options({ AWS_PROFILE: "p" }).profile).toBe("p");
  });

  test("names the certificate file that cannot be read", () => {
    expect(() => options({ AWS_CA_BUNDLE: "/nowhere/ca.pem" })).toThrow("/nowhere/ca.pem");
  });
});

describe("proxyFor()", () => {
  const both = { httpProxy: "http://h:1", httpsProxy: "http://s:1" };
  const cases: readonly (readonly [string, string | null, string | null])[] = [
    ["https://s3.amazonaws.com", null, "http://s:1"],
    ["http://minio:9000", null, "http://h:1"],
    ["http://minio:9000", "minio", null],
    ["http://minio:9000", "minio:9000", null],
    ["http://minio:9000", "minio:9001", "http://h:1"],
    ["http://minio", "minio:80", null],
    ["https://a.b.example.com", "example.com", null],
    ["https://a.b.example.com", ".example.com", null],
    ["https://a.b.example.com", "*.example.com", null],
    ["https://badexample.com", "example.com", "http://s:1"],
    ["https://x.org", "localhost, 127.0.0.1,*", null],
    ["http://127.0.0.1:9000", "localhost, 127.0.0.1", null],
    ["http://[::1]:9000", "::1", null],
    ["https://x.org", "", "http://s:1"],
  ];
  test.each(cases)("of %p without %p is %p", (endpoint, proxyBypass, proxy) => {
    expect(proxyFor(endpoint, { ...both, proxyBypass })).toBe(proxy);
  });
});
