import { afterEach, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { otlpHeaders } from "../../../src/cli/watch/open-traces.ts";
import { traceExporter } from "../../../src/cli/watch/otlp-traces.ts";
import type { PumpEvent } from "../../../src/core/pump/pump-events.ts";

type Received = { readonly headers: Readonly<Record<string, unknown>>; readonly body: string };

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function collector(
  received: Received[],
  statusOf: (index: number) => number = () => 200,
): Promise<string> {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (part: string) => body += part);
    request.on("end", () => {
      response.statusCode = statusOf(received.length);
      received.push({ headers: request.headers, body });
      response.end("{}");
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`;
}

const committed = (table: string, traceparent: string | null): PumpEvent => ({
  kind: "committed",
  table,
  version: 3,
  rows: 5,
  files: 1,
  bytes: 600,
  latencyMs: 200,
  reason: "age",
  attempts: 1,
  newestSourceMs: null,
  traceparent,
});
const flushed: PumpEvent = {
  kind: "flushed",
  reason: "age",
  counts: { records: 12, bytes: 900, tombstones: 0, rowless: 0 },
  rows: 10,
  droppedRows: 0,
  deadLetters: 0,
  tables: 2,
  latencyMs: 300,
};
const told: (string | null)[] = [];
const options = {
  headers: { "x-key": "k" },
  serviceName: "cdc",
  nowMs: () => 1_700_000_000_000,
  onAnswer: (why: string | null) => told.push(why),
};

describe("traceExporter()", () => {
  test("sends a span for a flush and, below it, one for each commit", async () => {
    const received: Received[] = [];
    const traces = traceExporter({ ...options, url: await collector(received) });
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const events = [
      committed("a", `00-${trace}-b7ad6b7169203331-01`),
      committed("b", null),
      flushed,
      committed("a", "nonsense"),
    ];
    for (const event of events) traces.observe({ kind: "pump", event });
    await traces.close();
    expect(received).toHaveLength(1);
    const [{ headers, body } = { headers: {}, body: "" }] = received;
    expect(headers).toMatchObject({ "x-key": "k", "content-type": "application/json" });
    const { resourceSpans } = JSON.parse(body);
    expect(resourceSpans[0].resource.attributes).toEqual([
      { key: "service.name", value: { stringValue: "cdc" } },
    ]);
    const [a, b, flush, next] = resourceSpans[0].scopeSpans[0].spans;
    expect([a.name, b.name, flush.name, next.name]).toEqual([
      "commit",
      "commit",
      "flush",
      "commit",
    ]);
    expect(new Set([a.traceId, b.traceId, flush.traceId]).size).toBe(1);
    expect([a.parentSpanId, b.parentSpanId]).toEqual([flush.spanId, flush.spanId]);
    expect(flush.parentSpanId).toBeUndefined();
    expect(next.traceId).not.toBe(flush.traceId);
    expect(a.links).toEqual([{ traceId: trace, spanId: "b7ad6b7169203331" }]);
    expect([b.links, next.links]).toEqual([undefined, undefined]);
    expect([flush.startTimeUnixNano, flush.endTimeUnixNano]).toEqual([
      "1699999999700000000",
      "1700000000000000000",
    ]);
    expect(a.attributes).toContainEqual({ key: "rows", value: { intValue: "5" } });
  });

  test("drops spans, and nothing else, when the collector is away or slow", async () => {
    const traces = traceExporter({ ...options, url: "http://127.0.0.1:9/v1/traces" });
    for (let i = 0; i < 5000; i++) traces.observe({ kind: "pump", event: flushed });
    await traces.close();
    const received: Received[] = [];
    const full = traceExporter({ ...options, url: await collector(received) });
    for (let i = 0; i < 5000; i++) full.observe({ kind: "pump", event: flushed });
    await full.close();
    const spans = JSON.parse(received[0]?.body ?? "").resourceSpans[0].scopeSpans[0].spans;
    expect(spans).toHaveLength(1000);
  });

  test("tells once that the collector takes nothing, and once that it does again", async () => {
    told.length = 0;
    const received: Received[] = [];
    const url = await collector(received, (index) => index < 2 ? 401 : 200);
    const traces = traceExporter({ ...options, url, sendEveryMs: 1 });
    while (received.length < 4) {
      traces.observe({ kind: "pump", event: flushed });
      await Bun.sleep(1);
    }
    await traces.close();
    expect(told).toEqual(["it answered 401", null]);
    told.length = 0;
    const away = traceExporter({ ...options, url: "http://127.0.0.1:9/v1/traces" });
    away.observe({ kind: "pump", event: flushed });
    await away.close();
    expect(told).toHaveLength(1);
    expect(told[0]).toBeString();
  });
});

test.each<[string | null, Readonly<Record<string, string>>]>([
  [null, {}],
  ["a=b", { a: "b" }],
  ["api-key=x%3Dy, other = z=1 ,bad,=no", { "api-key": "x=y", other: "z=1" }],
  ["a=%", { a: "%" }],
])("otlpHeaders(%p)", (text, headers) => {
  expect(otlpHeaders(text)).toEqual(headers);
});
