import { afterEach, describe, expect, test } from "bun:test";
import { proveConditionalPut } from "../../../src/delta/storage/probe-conditional-put.ts";
import type { RetryEvent } from "../../../src/delta/storage/retrying-store.ts";
import { type ClosableStore, s3Store } from "../../../src/delta/storage/s3-store.ts";
import { codeOf, errorOf } from "../../suites/object-store.ts";
import {
  type HttpStub,
  s3ErrorAnswer,
  startHttpStub,
  type StubAnswer,
  type StubRequest,
} from "../../support/http-stub.ts";

const { signal } = new AbortController();
const random = { uuid: () => "00000000-0000-4000-8000-000000000000" };
const instant = { nowMs: () => 0, sleep: async () => {} };
const retry = { clock: instant, random: { ...random, next: () => 0.5 }, attemptsMax: 4 };

let stub: HttpStub;
let store: ClosableStore;
afterEach(async () => {
  store.close();
  await stub.stop();
});

async function open(
  answer: (request: StubRequest, index: number) => StubAnswer,
): Promise<ClosableStore> {
  stub = await startHttpStub(answer);
  const credentials = { accessKeyId: "key", secretAccessKey: "hidden-secret" };
  store = s3Store({ bucket: "lake", endpoint: stub.url, credentials });
  return store;
}

describe("proveConditionalPut()", () => {
  test("finds a store that accepts every PUT", async () => {
    const store = await open(() => ({}));
    const error = await errorOf(proveConditionalPut(store, { random, retry, signal }));
    expect(error).toMatchObject({ code: "store-unsafe", retryable: false });
    expect(error.message).toContain("exactly once");
    expect(stub.requests.map(({ method }) => method)).toEqual(["PUT", "PUT", "DELETE"]);
    expect(stub.requests[0]?.url).toStartWith("/lake/_cdcdelta/probe-0000");
  });

  test("finds a store that does not implement the condition", async () => {
    const store = await open(() => s3ErrorAnswer(501, "NotImplemented"));
    expect(await codeOf(proveConditionalPut(store, { random, retry, signal }))).toBe(
      "store-unsafe",
    );
  });

  test("finds a store that refuses every PUT", async () => {
    const store = await open(({ method }) =>
      method === "PUT" ? s3ErrorAnswer(412, "PreconditionFailed") : {}
    );
    expect(await codeOf(proveConditionalPut(store, { random, retry, signal }))).toBe(
      "store-unsafe",
    );
  });

  test("tries again after a doubtful answer, under a new name", async () => {
    let uuids = 0;
    const store = await open(({ method }, index) => {
      if (method !== "PUT") return s3ErrorAnswer(403, "AccessDenied");
      if (index === 0) return s3ErrorAnswer(503, "SlowDown");
      return stub.requests.filter((request) => request.method === "PUT").length === 2
        ? {}
        : s3ErrorAnswer(412, "PreconditionFailed");
    });
    await proveConditionalPut(store, { random: { uuid: () => `${++uuids}` }, retry, signal });
    expect(uuids).toBe(2);
  });

  test("waits for a store that is away, as often as asked to, and tells", async () => {
    const store = await open(() => s3ErrorAnswer(503, "SlowDown"));
    const waits: number[] = [];
    const told: string[] = [];
    const watched = {
      ...retry,
      clock: { nowMs: () => 0, sleep: async (ms: number) => void waits.push(ms) },
      onRetry: ({ operation, attempt, delayMs }: RetryEvent) =>
        told.push(`${operation} ${attempt}: ${delayMs}`),
    };
    const error = await errorOf(proveConditionalPut(store, { random, retry: watched, signal }));
    expect(error).toMatchObject({ code: "store", retryable: true });
    expect(waits).toEqual([75, 150, 300]);
    expect(told).toEqual(["put 1: 75", "put 2: 150", "put 3: 300"]);
  });

  test("waits no longer when it is told to stop", async () => {
    const store = await open(() => s3ErrorAnswer(503, "SlowDown"));
    const stop = new AbortController();
    const clock = {
      nowMs: () => 0,
      sleep: async () => stop.abort(new Error("told to stop")),
    };
    const proved = proveConditionalPut(store, {
      random,
      retry: { ...retry, clock, attemptsMax: 1000 },
      signal: stop.signal,
    });
    expect(proved).rejects.toThrow("told to stop");
    await proved.catch(() => undefined);
  });

  test("passes the store's own errors on", async () => {
    const store = await open(() => s3ErrorAnswer(404, "NoSuchBucket"));
    expect(await codeOf(proveConditionalPut(store, { random, retry, signal }))).toBe("not-found");
    // Nothing was written, so there is nothing to delete, which would be tried again and again.
    expect(stub.requests.map(({ method }) => method)).toEqual(["PUT"]);
  });
});
