import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { subStore } from "../../../src/delta/storage/object-store.ts";
import { openStore } from "../../../src/delta/storage/open-store.ts";
import { retryingStore } from "../../../src/delta/storage/retrying-store.ts";
import { type ClosableStore, s3Store } from "../../../src/delta/storage/s3-store.ts";
import {
  bytesOf,
  codeOf,
  errorOf,
  keysOf,
  objectStoreSuite,
  patterned,
  textOf,
} from "../../suites/object-store.ts";
import { startConnectProxy } from "../../support/connect-proxy.ts";
import { type Minio, minioBinary, minioMissing, startMinio } from "../../support/minio.ts";
import { startTcpProxy, type TcpProxy } from "../../support/tcp-proxy.ts";

const { signal } = new AbortController();
const io = { signal };
// A busy machine makes a server slow; nothing here is about speed.
setDefaultTimeout(60_000);
const minio = await startMinio();

if (minio === null) test.skip(`s3Store() against MinIO: ${minioMissing}`, () => {});
else testAgainst(minio);

function testAgainst(server: Minio): void {
  const bucket = `cdcdelta-test-${crypto.randomUUID().slice(0, 8)}`;
  const { endpoint } = server;
  const credentials = { accessKeyId: server.accessKey, secretAccessKey: server.secretKey };
  const options = { endpoint, bucket, credentials };
  const store = s3Store(options);
  beforeAll(() => server.makeBucket(bucket));
  afterAll(async () => {
    store.close();
    await server.stop();
  });

  objectStoreSuite("s3Store()", async () => ({
    store: subStore(store, `suite/${crypto.randomUUID()}`),
    close: async () => {},
  }));

  describe("s3Store()", () => {
    test("openStore() roots it at the URI's prefix", async () => {
      const opened = openStore(`s3a://${bucket}/lake/shop`, { s3: { endpoint, credentials } });
      await opened.put("a b", [bytesOf("x")], io);
      expect(opened.uri).toBe(`s3://${bucket}/lake/shop`);
      expect(textOf(await store.get("lake/shop/a b", io))).toBe("x");
      opened.close();
    });

    test("takes the credentials of the environment when none are given", async () => {
      const before = { ...process.env };
      process.env["AWS_ACCESS_KEY_ID"] = server.accessKey;
      process.env["AWS_SECRET_ACCESS_KEY"] = server.secretKey;
      const other = s3Store({ endpoint, bucket });
      try {
        await other.put("environment", [bytesOf("x")], io);
        expect(textOf(await store.get("environment", io))).toBe("x");
      } finally {
        other.close();
        for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) {
          if (before[name] === undefined) delete process.env[name];
          else process.env[name] = before[name];
        }
      }
    });

    test("works again after close()", async () => {
      const other = s3Store(options);
      await other.put("closed", [bytesOf("x")], io);
      other.close();
      expect(textOf(await other.get("closed", io))).toBe("x");
      other.close();
      other.close();
    });

    test("a missing bucket is not-found and says what to do", async () => {
      const other = s3Store({ ...options, bucket: "cdcdelta-no-such-bucket" });
      const errors = [
        await errorOf(other.get("a", io)),
        await errorOf(other.put("a", [bytesOf("x")], io)),
        await errorOf(other.put("a", [new Uint8Array(17 << 20)], io)),
        await errorOf(other.putIfAbsent("a", bytesOf("x"), io)),
        await errorOf(keysOf(other.list("", io))),
        await errorOf(other.delete(["a", "b"], io)),
      ];
      for (const error of errors) {
        expect(error).toMatchObject({ code: "not-found", retryable: false });
        expect(error.message).toContain('Create the bucket "cdcdelta-no-such-bucket"');
      }
      other.close();
    });

    test("wrong keys are a permission error without the keys in it", async () => {
      const wrong = [
        { accessKeyId: "nobody-knows-me", secretAccessKey: "hidden-secret" },
        { accessKeyId: server.accessKey, secretAccessKey: "hidden-secret" },
        { ...credentials, sessionToken: "hidden-token" },
      ];
      for (const keys of wrong) {
        const other = s3Store({ ...options, credentials: keys });
        for (
          const call of [
            () => other.get("a", io),
            () => other.head("a", io),
            () => other.put("a", [bytesOf("x")], io),
            () => other.putIfAbsent("a", bytesOf("x"), io),
            () => keysOf(other.list("", io)),
            () => other.delete(["a", "b"], io),
          ]
        ) {
          const error = await errorOf(call());
          expect(error).toMatchObject({ code: "permission", retryable: false });
          expect(Bun.inspect(error)).not.toContain("hidden-");
        }
        other.close();
      }
    });

    test("an object written in parts appears as a whole or not at all", async () => {
      const parts = s3Store({ ...options, multipartBytesMin: 1, partBytes: 5 << 20 });
      const bytes = patterned((12 << 20) + 5);
      const stop = new AbortController();
      const reason = new Error("enough");
      const put = parts.put("parts", [bytes], { signal: stop.signal });
      setTimeout(() => stop.abort(reason), 5);
      await expect(put).rejects.toBe(reason);
      expect(await store.head("parts", io)).toBeNull();
      await parts.put("parts", [bytes.subarray(0, 7), bytes.subarray(7)], io);
      expect(Buffer.compare(await store.get("parts", io), bytes)).toBe(0);
      parts.close();
    });
  });

  describe("s3Store() behind a bad line", () => {
    let proxy: TcpProxy;
    let far: ClosableStore;
    beforeAll(async () => {
      proxy = await startTcpProxy(endpoint);
      far = s3Store({ ...options, endpoint: proxy.endpoint, requestTimeoutMs: 400 });
    });
    beforeEach(() => proxy.setFate({ kind: "pass" }));
    afterAll(async () => {
      far.close();
      await proxy.stop();
    });

    for (const kind of ["cut", "hang"] as const) {
      test(`putIfAbsent() is in doubt when the answer is lost (${kind}), and the object is there`, async () => {
        const key = `doubt/${kind}`;
        proxy.setFate({ kind });
        const lostBefore = proxy.lost();
        const error = await errorOf(far.putIfAbsent(key, bytesOf("ours"), io));
        expect(error).toMatchObject({ code: "store", retryable: true, context: { inDoubt: true } });
        expect(proxy.lost()).toBe(lostBefore + 1);
        expect(textOf(await store.get(key, io))).toBe("ours");
        proxy.setFate({ kind: "pass" });
        expect(await far.putIfAbsent(key, bytesOf("again"), io)).toBe("exists");
        expect(textOf(await far.get(key, io))).toBe("ours");
      });

      test(`putIfAbsent() on a used connection is in doubt too (${kind})`, async () => {
        const key = `doubt/used-${kind}`;
        await far.head(key, io);
        proxy.setFate({ kind });
        const outcome = await far.putIfAbsent(key, bytesOf("ours"), io).catch(({ code }) => code);
        expect(outcome).toBe("store");
        expect(textOf(await store.get(key, io))).toBe("ours");
      });

      test(`the other calls are retryable when the answer is lost (${kind})`, async () => {
        await store.put("there", [bytesOf("x")], io);
        proxy.setFate({ kind });
        for (
          const call of [
            () => far.get("there", io),
            () => far.head("there", io),
            () => far.put("there", [bytesOf("x")], io),
            () => keysOf(far.list("there", io)),
            () => far.delete(["there-not"], io),
          ]
        ) {
          expect(await errorOf(call())).toMatchObject({ code: "store", retryable: true });
        }
      });
    }

    test("get() never takes a cut answer for a short object", async () => {
      const bytes = patterned(300_000);
      await store.put("cut", [bytes], io);
      for (const length of [100, 1_000, 150_000, 300_000]) {
        proxy.setFate({ kind: "cut-body", bytes: length });
        const error = await errorOf(far.get("cut", io));
        expect(error).toMatchObject({ code: "store", retryable: true });
      }
      proxy.setFate({ kind: "pass" });
      expect(Buffer.compare(await far.get("cut", io), bytes)).toBe(0);
    });

    test("retryingStore() gets through once the line is good again", async () => {
      await store.put("later", [bytesOf("x")], io);
      proxy.setFate({ kind: "cut" });
      const patient = retryingStore(far, {
        clock: { nowMs: () => 0, sleep: async () => {} },
        random: { uuid: () => "", next: () => 0 },
        attemptsMax: 4,
        onRetry: ({ attempt }) => attempt === 3 && proxy.setFate({ kind: "pass" }),
      });
      expect(textOf(await patient.get("later", io))).toBe("x");
    });

    test("an abort ends a call that hangs, with its reason", async () => {
      const patient = s3Store({ ...options, endpoint: proxy.endpoint });
      proxy.setFate({ kind: "hang" });
      const stop = new AbortController();
      const reason = new Error("enough");
      const calls = [
        patient.get("a", stop),
        patient.putIfAbsent("aborted", bytesOf("x"), stop),
        keysOf(patient.list("", stop)),
      ];
      setTimeout(() => stop.abort(reason), 50);
      for (const { reason: thrown } of await Promise.allSettled(calls) as PromiseRejectedResult[]) {
        expect(thrown).toBe(reason);
      }
      patient.close();
    });

    test("nobody at the endpoint is retryable and not in doubt", async () => {
      const nobody = s3Store({ ...options, endpoint: "http://127.0.0.1:1" });
      const error = await errorOf(nobody.putIfAbsent("a", bytesOf("x"), io));
      expect(error).toMatchObject({ code: "store", retryable: true, context: { inDoubt: false } });
      expect(error.message).toContain("http://127.0.0.1:1");
      nobody.close();
    });
  });

  test("s3Store() goes through a proxy with a password", async () => {
    const proxy = await startConnectProxy();
    const proxied = s3Store({ ...options, proxyUrl: proxy.url });
    await proxied.put("proxied", [bytesOf("x")], io);
    expect(textOf(await proxied.get("proxied", io))).toBe("x");
    expect(proxy.tunnels).toContain(new URL(endpoint).host);
    const stranger = s3Store({ ...options, proxyUrl: proxy.url.replace("p%40ss", "wr%40ng") });
    const error = await errorOf(stranger.get("proxied", io));
    expect(error).toMatchObject({ code: "store" });
    expect(Bun.inspect(error)).not.toMatch(/wr(@|%40)ng/);
    proxied.close();
    stranger.close();
    await proxy.stop();
  });
}

const isBinaryMissing = !existsSync(minioBinary()) && process.env["CDCDELTA_REQUIRE_ALL"] !== "1";

test.skipIf(isBinaryMissing)(
  "s3Store() trusts the given CA and no other, by proxy too",
  async () => {
    const folder = new URL("../../support/certificates/", import.meta.url);
    const caPem = await readFile(new URL("ca.crt", folder), "utf8");
    const server = await startMinio({ certificatesFolder: folder.pathname, caPem });
    if (server === null) throw new Error(minioMissing);
    const proxy = await startConnectProxy();
    try {
      await server.makeBucket("secure");
      const options = {
        endpoint: server.endpoint,
        bucket: "secure",
        credentials: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
      };
      for (const way of [{}, { proxyUrl: proxy.url }]) {
        const trusting = s3Store({ ...options, ...way, caPem });
        await trusting.put("a", [bytesOf("x")], io);
        expect(textOf(await trusting.get("a", io))).toBe("x");
        trusting.close();
        const doubting = s3Store({ ...options, ...way });
        const error = await errorOf(doubting.get("a", io));
        expect(error).toMatchObject({ code: "store", retryable: false });
        expect(error.message).toContain("CA bundle");
        doubting.close();
      }
      const encryption = { kind: "customer", key: patterned(32) } as const;
      const sealed = s3Store({ ...options, caPem, encryption, multipartBytesMin: 6 << 20 });
      await sealed.put("sealed", [bytesOf("x")], io);
      await sealed.put("sealed-parts", [patterned(7 << 20)], io);
      expect(await sealed.putIfAbsent("sealed-log", bytesOf("y"), io)).toBe("created");
      expect(textOf(await sealed.get("sealed", io))).toBe("x");
      expect(await sealed.get("sealed-parts", io)).toEqual(patterned(7 << 20));
      expect((await sealed.head("sealed-log", io))?.size).toBe(1);
      sealed.close();
      const open = s3Store({ ...options, caPem });
      expect(await codeOf(open.get("sealed", io))).toBe("store");
      open.close();
    } finally {
      await proxy.stop();
      await server.stop();
    }
  },
);
