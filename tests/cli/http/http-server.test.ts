import { afterEach, describe, expect, test } from "bun:test";
import { type HttpServer, jsonAnswer, openHttpServer } from "../../../src/cli/http/http-server.ts";
import { runPages } from "../../../src/cli/http/run-pages.ts";
import type { NotReady } from "../../../src/cli/watch/readiness.ts";
import { cli } from "../fake-world.ts";

const host = "127.0.0.1";
const open: HttpServer[] = [];

async function serve(
  pages: Parameters<typeof openHttpServer>[0]["pages"],
  port = 0,
): Promise<HttpServer> {
  const server = await openHttpServer({ host, port, pages });
  open.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

function pagesOf(reasons: readonly NotReady[]): ReturnType<typeof runPages> {
  return runPages({
    metrics: { observe: () => undefined, text: () => Promise.resolve("a 1\n"), contentType: "x/y" },
    ready: { observe: () => undefined, reasons: () => reasons },
    askStore: () => Promise.resolve(),
    uptimeSeconds: () => 3.7,
  });
}

describe("openHttpServer()", () => {
  test("answers its pages, GET and HEAD only", async () => {
    const { port } = await serve({
      "/a": () => jsonAnswer(201, { a: 1 }),
      "/broken": () => Promise.reject(new Error("no luck")),
    });
    const ask = async (path: string, init?: RequestInit): Promise<[number, string]> => {
      const response = await fetch(`http://${host}:${port}${path}`, init);
      return [response.status, await response.text()];
    };
    expect(await ask("/a")).toEqual([201, '{"a":1}\n']);
    expect(await ask("/a?x=1")).toEqual([201, '{"a":1}\n']);
    expect(await ask("/a", { method: "HEAD" })).toEqual([201, ""]);
    expect(await ask("/a", { method: "POST" })).toEqual([405, "only GET is answered\n"]);
    expect(await ask("/")).toEqual([200, "/a\n/broken\n"]);
    expect(await ask("/toString")).toEqual([404, "there is no /toString\n"]);
    expect(await ask("/broken")).toEqual([500, "no luck\n"]);
  });

  test("says which setting to change when the port is taken", async () => {
    const { port } = await serve({});
    await expect(openHttpServer({ host, port, pages: {} })).rejects.toThrow(
      `Cannot listen on ${host}:${port} for /metrics, /healthz and /readyz: something else ` +
        "listens there. Choose another port with --http-port",
    );
  });

  test("closes although somebody keeps a connection", async () => {
    const { port } = await serve({ "/": () => jsonAnswer(200, {}) });
    await fetch(`http://${host}:${port}/`, { headers: { connection: "keep-alive" } });
    await open.pop()?.close();
    await expect(fetch(`http://${host}:${port}/`)).rejects.toThrow();
  });
});

describe("cdcdelta health", () => {
  const reasons: NotReady[] = [{ part: "kafka", why: "refused" }];

  test("is 0 when the run is ready, and prints the answer", async () => {
    const { port } = await serve(pagesOf([]));
    const { code, stdout } = await cli(["health", "--http-port", String(port)]);
    expect([code, stdout]).toEqual([0, '{"status":"ready"}\n']);
  });

  test("is 1 when it is not, and says why; --live asks for less", async () => {
    const { port } = await serve(pagesOf(reasons));
    const env = { CDCDELTA_HTTP_PORT: String(port) };
    const { code, stdout } = await cli(["health"], { env });
    expect([code, JSON.parse(stdout)]).toEqual([1, { status: "not ready", reasons }]);
    const live = await cli(["health", "--live"], { env });
    expect([live.code, JSON.parse(live.stdout)]).toMatchObject([0, { uptimeSeconds: 3 }]);
  });

  test("is 1 when nobody answers", async () => {
    const { port } = await serve({});
    await open.pop()?.close();
    const { code, stdout, stderr } = await cli(["health", "--http-port", String(port)]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(`no answer from http://127.0.0.1:${port}/readyz`);
    expect(stderr).toContain("Is a run there, and at this port (--http-port, --url)?");
  });

  test("asks the URL it is given, a page or a host", async () => {
    const { port } = await serve(pagesOf(reasons));
    const base = `http://${host}:${port}`;
    expect((await cli(["health", "--url", base])).code).toBe(1);
    expect((await cli(["health", "--url", `${base}/healthz`])).code).toBe(0);
    expect((await cli(["health", "--url", base, "--live"])).code).toBe(0);
  });
});
