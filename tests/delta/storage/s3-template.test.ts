import { afterEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { S3Options } from "../../../src/delta/storage/s3-options.ts";
import { type ClosableStore, s3Store } from "../../../src/delta/storage/s3-store.ts";
import { errorOf, textOf } from "../../suites/object-store.ts";
import {
  type HttpStub,
  s3ErrorAnswer,
  startHttpStub,
  type StubAnswer,
  type StubRequest,
} from "../../support/http-stub.ts";

const { signal } = new AbortController();
const io = { signal };
const credentials = { accessKeyId: "key", secretAccessKey: "secret", sessionToken: "token" };

let stub: HttpStub;
let store: ClosableStore;
afterEach(async () => {
  store.close();
  await stub.stop();
});

async function open(
  answer: (request: StubRequest, index: number) => StubAnswer,
  options: Partial<S3Options> = { credentials },
): Promise<ClosableStore> {
  stub = await startHttpStub(answer);
  store = s3Store({ bucket: "lake", endpoint: stub.url, ...options });
  return store;
}

/** Headers that say the same for every GET of a store. */
function lastingHeaders({ headers }: StubRequest): Record<string, unknown> {
  const ofOne = ["authorization", "x-amz-date", "amz-sdk-invocation-id", "amz-sdk-request"];
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !ofOne.includes(name)));
}

describe("a GET after the first", () => {
  const keys = [
    "a b/c%20d+e=ü!'()*~",
    "_delta_log/00000000000000000000.json",
    "a/Day=2026-01-01/x",
  ];
  for (const key of keys) {
    test(`asks for ${key} as the SDK does`, async () => {
      const store = await open(() => ({ body: "x" }));
      const range = { start: 1, end: 3 };
      for (const options of [{ ...io, range }, { ...io, range }, io]) await store.get(key, options);
      const [first, second, whole] = stub.requests;
      expect(second?.url).toBe(first!.url);
      expect(lastingHeaders(second!)).toEqual(lastingHeaders(first!));
      expect(second?.headers["x-amz-security-token"]).toBe("token");
      expect(second?.headers["authorization"]).toStartWith("AWS4-HMAC-SHA256 Credential=key/");
      expect(whole?.headers["range"]).toBeUndefined();
      // The SDK numbers what it sends itself.
      expect(first?.headers["amz-sdk-invocation-id"]).toBeDefined();
      expect(second?.headers["amz-sdk-invocation-id"]).toBeUndefined();
    });
  }

  test("sends a customer's key along", async () => {
    const key = new Uint8Array(32).fill(7);
    const store = await open(() => ({ body: "x" }), {
      credentials,
      encryption: { kind: "customer", key },
    });
    for (let i = 0; i < 2; i++) await store.get("a", io);
    const [first, second] = stub.requests;
    expect(first?.headers["x-amz-server-side-encryption-customer-key-md5"]).toBeDefined();
    expect(lastingHeaders(second!)).toEqual(lastingHeaders(first!));
  });

  const refusals: readonly (readonly [number, string])[] = [
    [301, "PermanentRedirect"],
    [400, "AuthorizationHeaderMalformed"],
    [400, "ExpiredToken"],
    [403, "AccessDenied"],
    [403, "SignatureDoesNotMatch"],
    [403, ""],
    [404, "NoSuchKey"],
    [404, "NoSuchBucket"],
    [404, ""],
    [429, "TooManyRequests"],
    [500, "InternalError"],
    [502, ""],
    [503, "SlowDown"],
    [507, "XMinioStorageFull"],
  ];
  for (const [status, code] of refusals) {
    test(`that is refused with ${status} ${code} fails as a first one does, once`, async () => {
      const region = "<Region>eu-central-1</Region>";
      const refusal = (): StubAnswer =>
        code === "" ? { status } : s3ErrorAnswer(status, code, region);
      const store = await open((_, index) => index === 1 ? { body: "x" } : refusal());
      const first = await errorOf(store.get("a", io));
      store.close();
      expect(textOf(await store.get("a", io))).toBe("x");
      const later = await errorOf(store.get("a", io));
      expect(stub.requests).toHaveLength(3);
      expect({ ...later, message: later.message }).toEqual({ ...first, message: first.message });
    });
  }

  test("past the end of its object is empty", async () => {
    const store = await open((_, index) =>
      index === 0 ? { body: "x" } : s3ErrorAnswer(416, "InvalidRange")
    );
    await store.get("a", io);
    expect(await store.get("a", { ...io, range: { start: 5, end: 9 } })).toHaveLength(0);
  });

  test("is signed with the credentials of the moment", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cdcdelta-profile-"));
    const before = process.env["AWS_CONFIG_FILE"];
    try {
      // Keys that are about to expire are fetched anew for each request.
      const expires = new Date(Date.now() + 60_000).toISOString();
      const script = join(folder, "keys.sh");
      await writeFile(
        script,
        `echo x >> ${folder}/count\nn=$(wc -l < ${folder}/count)\n` +
          `echo "{\\"Version\\":1,\\"AccessKeyId\\":\\"key-$((n))-\\",` +
          `\\"SecretAccessKey\\":\\"s\\",\\"Expiration\\":\\"${expires}\\"}"\n`,
      );
      const config = join(folder, "config");
      await writeFile(config, `[profile changing]\ncredential_process = sh ${script}\n`);
      process.env["AWS_CONFIG_FILE"] = config;
      const store = await open(() => ({ body: "x" }), { profile: "changing" });
      const used = new Set<string>();
      // They are fetched while requests go on, so that a request may still have the ones before.
      for (let i = 0; i < 100 && used.size < 4; i++) {
        await store.get("a", io);
        const { authorization } = stub.requests[i]!.headers;
        used.add(/Credential=(key-\d+-)/.exec(`${authorization}`)?.[1] ?? "none");
      }
      expect([...used]).toEqual(["key-1-", "key-2-", "key-3-", "key-4-"]);
    } finally {
      if (before === undefined) delete process.env["AWS_CONFIG_FILE"];
      else process.env["AWS_CONFIG_FILE"] = before;
      await rm(folder, { recursive: true, force: true });
    }
  });
});
