import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type ConnectClient, connectClient } from "../../../src/core/connect/connect-client.ts";
import type { ConnectAccess } from "../../../src/core/connect/connect-http.ts";
import type { ConnectRetry } from "../../../src/core/connect/connect-request.ts";
import { connectAttemptsMax } from "../../../src/limits.ts";
import { waitForConnect } from "../../../src/core/connect/connect-wait.ts";
import {
  errorAnswer,
  type FakeConnect,
  type FakeConnectOptions,
  pageAnswer,
  startFakeConnect,
} from "../../support/fake-connect.ts";
import type { StubAnswer, StubRequest } from "../../support/http-stub.ts";

const signal = new AbortController().signal;
const options = { signal };
const config = { "connector.class": "x.Source", "topic.prefix": "cdc" };

let fake: FakeConnect | null = null;
afterEach(async () => {
  await fake?.stop();
  fake = null;
});

/** A client on a fake Connect, on a clock on which waiting takes no time. */
async function connected(
  fakeOptions: FakeConnectOptions = {},
  access: Partial<ConnectAccess> = {},
): Promise<{ client: ConnectClient; fake: FakeConnect; retries: ConnectRetry[] }> {
  fake = await startFakeConnect(fakeOptions);
  const retries: ConnectRetry[] = [];
  const client = connectClient({
    url: fake.url,
    username: null,
    password: null,
    ca: null,
    requestTimeoutMs: 5000,
    ...access,
  }, {
    clock: { nowMs: () => 0, sleep: () => Promise.resolve() },
    random: { uuid: () => "", next: () => 0.5 },
    onRetry: (event) => retries.push(event),
  });
  return { client, fake, retries };
}

/** Answers so many requests of a kind with a fault, the rest not at all. */
function firstTimes(
  times: number,
  request: string,
  answer: (request: StubRequest) => StubAnswer | Promise<StubAnswer>,
): (request: StubRequest) => StubAnswer | Promise<StubAnswer> | null {
  let left = times;
  return (got) => {
    if (left === 0 || !`${got.method} ${got.url}`.startsWith(request)) return null;
    left--;
    return answer(got);
  };
}

const never = new Promise<StubAnswer>(() => {});

async function failureOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => null, (error: unknown) => error);
  return error instanceof Error ? error.message : "no error";
}

describe("what passes is waited out", () => {
  const conflicts = [
    "Cannot complete request momentarily due to no known leader URL, likely because a rebalance " +
    "was underway.",
    "Cannot complete request because of a conflicting operation (e.g. worker rebalance)",
    "Cannot complete request momentarily due to stale configuration (typically caused by a " +
    "concurrent config change)",
  ];
  test.each(conflicts)("409 %s", async (message) => {
    const fault = firstTimes(3, "PUT /connectors/a/config", () => errorAnswer(409, message));
    const { client, fake, retries } = await connected({ fault });
    expect(await client.putConfig("a", config, options)).toEqual({ kind: "created" });
    expect(retries.map(({ attempt, delayMs }) => [attempt, delayMs]))
      .toEqual([[1, 300], [2, 600], [3, 1200]]);
    expect(fake.calls().length).toBe(4);
  });

  test("409 already exists is no such conflict", async () => {
    const fault = firstTimes(1, "PUT", () => errorAnswer(409, "Connector a already exists"));
    const { client, fake } = await connected({ fault });
    expect(await failureOf(client.putConfig("a", config, options))).toContain("answered 409");
    expect(fake.calls().length).toBe(1);
  });

  test.each([502, 503, 504])("a proxy's %i page", async (status) => {
    const fault = firstTimes(
      2,
      "GET /connectors/a/status",
      () => pageAnswer(status, "Bad Gateway"),
    );
    const { client, retries } = await connected({ fault });
    expect(await client.status("a", options)).toBeNull();
    expect(retries[0]?.reason).toBe(
      `it answered ${status}: a web page (Bad Gateway nginx)`,
    );
  });

  test("but not for ever", async () => {
    const fault = firstTimes(99, "GET", () => errorAnswer(409, "worker rebalance"));
    const { client, fake } = await connected({ fault });
    expect(await failureOf(client.plugins(options))).toBe(
      `Cannot list the plugins at ${fake.url} after 10 tries: it answered 409: worker rebalance. ` +
        "See to Kafka Connect, then run this again",
    );
    expect(fake.calls().length).toBe(connectAttemptsMax);
  });
});

describe("a request of unknown outcome", () => {
  test("that was carried out is recognised and not sent again: 500 Request timed out", async () => {
    // The fault answers after Connect has taken the configuration.
    const fault = firstTimes(1, "PUT /connectors/a/config", (request) => {
      fake?.connectors.set("a", {
        config: JSON.parse(request.body.toString()) as Record<string, string>,
        state: "RUNNING",
        looks: 0,
      });
      return errorAnswer(500, "Request timed out");
    });
    const { client, fake: connect } = await connected({ fault });
    expect(await client.putConfig("a", config, options)).toEqual({ kind: "updated" });
    expect(connect.calls()).toEqual(["PUT /connectors/a/config", "GET /connectors/a/config"]);
  });

  test("that was not carried out is sent again: 500 Request timed out", async () => {
    const fault = firstTimes(1, "PUT", () => errorAnswer(500, "Request timed out. The worker"));
    const { client, fake } = await connected({ fault });
    expect(await client.putConfig("a", config, options)).toEqual({ kind: "created" });
    expect(fake.calls()).toEqual([
      "PUT /connectors/a/config",
      "GET /connectors/a/config",
      "PUT /connectors/a/config",
    ]);
  });

  test("an older configuration of the same connector is not taken for ours", async () => {
    const fault = firstTimes(1, "PUT", () => errorAnswer(500, "Request timed out"));
    const { client, fake } = await connected({ fault });
    fake.connectors.set("a", { config: { ...config, more: "1" }, state: "RUNNING", looks: 0 });
    expect(await client.putConfig("a", config, options)).toEqual({ kind: "updated" });
    expect(fake.connectors.get("a")?.config).toEqual({ ...config, name: "a" });
  });

  test("is one without any answer in time, too", async () => {
    const fault = firstTimes(1, "PUT", () => never);
    const { client, fake, retries } = await connected({ fault }, { requestTimeoutMs: 150 });
    expect(await client.putConfig("a", config, options)).toEqual({ kind: "created" });
    expect(retries[0]?.reason).toBe("no answer within 0.15 s");
    expect(fake.calls()[1]).toBe("GET /connectors/a/config");
  });

  test("a deletion that timed out and worked is done", async () => {
    const fault = firstTimes(1, "DELETE", () => {
      fake?.connectors.delete("a");
      return errorAnswer(500, "Request timed out");
    });
    const { client } = await connected({ fault });
    fake?.connectors.set("a", { config, state: "RUNNING", looks: 0 });
    expect(await client.remove("a", options)).toEqual({ kind: "done" });
  });

  test("any other 500 is a failure and not repeated", async () => {
    const fault = firstTimes(1, "PUT", () => errorAnswer(500, "java.lang.NullPointerException"));
    const { client, fake } = await connected({ fault });
    expect(await failureOf(client.putConfig("a", config, options))).toBe(
      `Cannot deploy connector "a": Kafka Connect at ${fake.url} answered 500: ` +
        "java.lang.NullPointerException. Its log says more",
    );
    expect(fake.calls().length).toBe(1);
  });
});

describe("who answers", () => {
  test("sends the credentials, and says which are wrong", async () => {
    const fault = ({ headers }: StubRequest): StubAnswer | null =>
      headers.authorization === `Basic ${btoa("me:pa:ss")}` ? null : errorAnswer(401, "who?");
    const right = await connected({ fault }, { username: "me", password: "pa:ss" });
    expect((await right.client.plugins(options)).length).toBe(1);
    await right.fake.stop();
    const none = await connected({ fault });
    expect(await failureOf(none.client.plugins(options)))
      .toMatch(/refuses us \(401: who\?\)\. Set KAFKA_CONNECT_USERNAME and/);
    expect(none.fake.calls().length).toBe(1);
  });

  test("a web page is not Connect", async () => {
    const { client } = await connected({ fault: () => pageAnswer(200, "Welcome") });
    expect(await failureOf(client.plugins(options))).toContain(
      "is not Kafka Connect (200: a web page",
    );
    expect(await client.probe(options)).toMatchObject({
      kind: "hopeless",
      reason: expect.stringContaining("not Kafka Connect"),
    });
  });

  test("a 404 of a web server is not an absent connector: Connect is starting", async () => {
    const fault = firstTimes(2, "GET /connectors/a/config", () => pageAnswer(404, "Not Found"));
    const { client, retries } = await connected({ fault });
    fake?.connectors.set("a", { config, state: "RUNNING", looks: 0 });
    expect(await client.config("a", options)).toEqual(config);
    expect(retries.length).toBe(2);
  });

  test("and for ever it is none of Connect's", async () => {
    const { client } = await connected({ fault: () => pageAnswer(404, "Not Found") });
    expect(await failureOf(client.config("a", options))).toContain("after 10 tries");
    expect((await client.probe(options)).kind).toBe("away");
  });
});

describe("waitForConnect()", () => {
  const clock = { nowMs: () => 0, sleep: () => Promise.resolve() };
  const wait = (client: ConnectClient, tries: number) => {
    const tried: string[] = [];
    const onAway = (attempt: number, reason: string) => void tried.push(`${attempt} ${reason}`);
    return waitForConnect(client, { tries, intervalMs: 1, clock, signal, onAway })
      .then((probe) => ({ probe, tried }));
  };

  test("waits until it is up, and until it is ready", async () => {
    const answers = [pageAnswer(503, "Down"), null, errorAnswer(503, "starting"), null, null];
    const { client } = await connected({ fault: (_, index) => answers[index] ?? null });
    const { probe, tried } = await wait(client, 30);
    expect(probe).toEqual({ kind: "ready", version: "4.3.1", clusterId: "k" });
    expect(tried).toEqual([
      "1 it answered 503: a web page (Down nginx)",
      "2 it is not ready: starting",
    ]);
  });

  test("asks for the connectors where there is no /health", async () => {
    const fault = firstTimes(9, "GET /health", () => errorAnswer(404, "HTTP 404 Not Found"));
    const { client, fake } = await connected({ fault });
    expect((await wait(client, 1)).probe.kind).toBe("ready");
    expect(fake.calls()).toEqual(["GET /", "GET /health", "GET /connectors"]);
  });

  test("gives up when the tries are used up, and says why", async () => {
    const { client, fake } = await connected();
    await fake.stop();
    const { probe, tried } = await wait(client, 3);
    expect(probe.kind).toBe("away");
    expect(tried.length).toBe(2);
    expect(tried[0]).toMatch(/ECONNREFUSED|refused/i);
  });

  test("does not wait where waiting is of no use", async () => {
    const { client, fake } = await connected({ fault: () => errorAnswer(401, "who?") });
    expect((await wait(client, 30)).probe).toMatchObject({ kind: "hopeless" });
    expect(fake.calls().length).toBe(1);
  });
});

describe("connectors", () => {
  test("configuration, state, offsets and their end", async () => {
    const { client, fake } = await connected();
    const name = "a/b c";
    expect(await client.putConfig(name, config, options)).toEqual({ kind: "created" });
    expect(await client.putConfig(name, config, options)).toEqual({ kind: "updated" });
    expect(await client.config(name, options)).toEqual({ ...config, name });
    expect(await client.status(name, options)).toEqual({
      name,
      type: "source",
      state: "RUNNING",
      worker: "connect:8083",
      trace: null,
      tasks: [{ id: 0, state: "RUNNING", worker: "connect:8083", trace: null }],
    });
    const offset = { partition: { server_id: "cdc" }, offset: { sec: 1 } };
    fake.offsets.set(name, [offset]);
    expect(await client.offsets(name, options)).toEqual({ kind: "offsets", offsets: [offset] });
    expect(await client.resetOffsets(name, options)).toMatchObject({ kind: "refused" });
    expect(await client.stop(name, options)).toEqual({ kind: "done" });
    expect(await client.resetOffsets(name, options)).toEqual({ kind: "done" });
    expect((await client.connectors(options)).map((each) => [each.name, each.status?.state]))
      .toEqual([[name, "STOPPED"]]);
    expect(await client.remove(name, options)).toEqual({ kind: "done" });
    for (const verb of ["pause", "resume", "stop", "restart", "remove", "offsets"] as const) {
      expect(await client[verb](name, options)).toEqual({ kind: "absent" });
    }
    expect(await client.status(name, options)).toBeNull();
  });

  test("an older Connect that does not have a request says so", async () => {
    const fault = (): StubAnswer => errorAnswer(404, "HTTP 404 Not Found");
    const { client } = await connected({ fault });
    expect(await client.stop("a", options)).toEqual({
      kind: "refused",
      message: "this version of Kafka Connect does not have it",
    });
  });

  test("what a validation finds, by field", async () => {
    const validate = () => ({ "topic.prefix": ["The 'topic.prefix' value is invalid: no"] });
    const { client } = await connected({ validate });
    const found = await client.validate(config, options);
    if (found.kind !== "validated") throw new Error(found.message);
    expect(found.fields.filter(({ errors }) => errors.length > 0)).toEqual([
      { name: "topic.prefix", type: "STRING", errors: ["The 'topic.prefix' value is invalid: no"] },
    ]);
  });
});

test("a CA of our own is trusted beside the usual ones", async () => {
  const file = (name: string): string =>
    readFileSync(new URL(`../../support/certificates/${name}`, import.meta.url), "utf8");
  const server = createServer(
    { key: file("private.key"), cert: file("public.crt") },
    (_, response) => response.end('[{"class":"a","type":"source","version":"1"}]'),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const world = {
    clock: { nowMs: () => 0, sleep: () => Promise.resolve() },
    random: { uuid: () => "", next: () => 0.5 },
  };
  const plugins = (ca: string | null) =>
    connectClient({
      url: `https://localhost:${port}`,
      username: null,
      password: null,
      ca,
      requestTimeoutMs: 5000,
    }, world).plugins(options);
  try {
    expect(await plugins(file("ca.crt"))).toMatchObject([{ className: "a" }]);
    expect(await failureOf(plugins(null))).toMatch(/after 10 tries: .*certificate/i);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("an aborted signal ends a request at once", async () => {
  const { client } = await connected({ fault: () => never });
  const stop = new AbortController();
  const asked = client.plugins({ signal: stop.signal });
  setTimeout(() => stop.abort(new Error("enough")), 20);
  expect(await failureOf(asked)).toBe("enough");
});
