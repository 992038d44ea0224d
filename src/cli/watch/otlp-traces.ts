import { randomBytes } from "node:crypto";
import { productVersion } from "../../delta/log/engine-info.ts";
import { traceQueueMax, traceSendEveryMs, traceSendMsMax } from "../../limits.ts";
import { networkReason } from "../network-reason.ts";
import type { RunEvent } from "./run-event.ts";

export type OtlpOptions = {
  /** The whole URL, `/v1/traces` included. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  readonly nowMs: () => number;
  /** Told why the collector takes no spans, and null when it does again; once each. */
  readonly onAnswer: (why: string | null) => void;
  /** Time between two sendings. Default `traceSendEveryMs`. */
  readonly sendEveryMs?: number;
};

/** Sends spans to a collector; a collector that does not answer costs spans, never the run. */
export type TraceExporter = {
  observe(event: RunEvent): void;
  /** Sends what is left; at most `traceSendMsMax` for each request. */
  close(): Promise<void>;
};

type Value = string | number;

type Span = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** 1: internal. */
  readonly kind: 1;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly object[];
  readonly links?: readonly object[];
};

/** A span for each flush, and below it one for each commit, linked to the trace of its records. */
export function traceExporter(options: OtlpOptions): TraceExporter {
  const queue: Span[] = [];
  let flush = newFlush();
  let sending: Promise<void> = Promise.resolve();
  let refused = false;
  const heard = (why: string | null): void => {
    if (refused !== (why !== null)) options.onAnswer(why);
    refused = why !== null;
  };
  const send = (): void => {
    if (queue.length === 0) return;
    const spans = queue.splice(0);
    sending = sending.then(() => post(options, spans)).then(heard);
  };
  const timer = setInterval(send, options.sendEveryMs ?? traceSendEveryMs);
  timer.unref();
  const add = (span: Span): void => {
    if (queue.length < traceQueueMax) queue.push(span);
  };
  return {
    observe(event) {
      if (event.kind !== "pump") return;
      const { event: told } = event;
      if (told.kind === "committed") {
        const { table, version, rows, files, bytes, attempts } = told;
        const link = linkOf("traceparent" in told ? told.traceparent : null);
        add({
          traceId: flush.traceId,
          spanId: hex(8),
          parentSpanId: flush.spanId,
          name: "commit",
          kind: 1,
          ...times(options.nowMs(), told.latencyMs),
          attributes: attributesOf({ table, version, rows, files, bytes, attempts }),
          ...(link === null ? {} : { links: [link] }),
        });
      }
      if (told.kind === "flushed") {
        const { reason, rows, deadLetters, tables, counts } = told;
        add({
          ...flush,
          name: "flush",
          kind: 1,
          ...times(options.nowMs(), told.latencyMs),
          attributes: attributesOf({
            reason,
            rows,
            deadLetters,
            tables,
            records: counts.records,
            bytes: counts.bytes,
          }),
        });
        flush = newFlush();
      }
    },
    async close() {
      clearInterval(timer);
      send();
      await sending;
    },
  };
}

/** Null, or why the spans are gone: traces are a help, not a duty. */
async function post(options: OtlpOptions, spans: readonly Span[]): Promise<string | null> {
  const service = attributesOf({ "service.name": options.serviceName });
  const scopeSpans = [{ scope: { name: "cdcdelta", version: productVersion }, spans }];
  const body = { resourceSpans: [{ resource: { attributes: service }, scopeSpans }] };
  try {
    const response = await fetch(options.url, {
      method: "POST",
      headers: { ...options.headers, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(traceSendMsMax),
    });
    await response.arrayBuffer();
    return response.ok ? null : `it answered ${response.status}`;
  } catch (error) {
    return networkReason(error);
  }
}

function newFlush(): { readonly traceId: string; readonly spanId: string } {
  return { traceId: hex(16), spanId: hex(8) };
}

function times(
  nowMs: number,
  latencyMs: number,
): Pick<Span, "startTimeUnixNano" | "endTimeUnixNano"> {
  const nanos = (ms: number): string => `${Math.floor(ms)}000000`;
  return { startTimeUnixNano: nanos(nowMs - latencyMs), endTimeUnixNano: nanos(nowMs) };
}

function attributesOf(values: Readonly<Record<string, Value>>): object[] {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === "string" ? { stringValue: value } : { intValue: String(value) },
  }));
}

/** The span that a W3C `traceparent` names; null when it is none. */
function linkOf(traceparent: string | null): object | null {
  const [, traceId, spanId] = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-/.exec(
    traceparent ?? "",
  ) ?? [];
  return traceId === undefined ? null : { traceId, spanId };
}

function hex(bytes: number): string {
  return randomBytes(bytes).toString("hex");
}
