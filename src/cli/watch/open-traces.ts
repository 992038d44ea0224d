import type { Settings } from "../settings/settings.ts";
import type { Logger } from "../logger.ts";
import { type TraceExporter, traceExporter } from "./otlp-traces.ts";

/** The exporter of traces that the settings ask for; null: none. Logs when spans are not taken. */
export function openTraces(values: Settings, logger: Logger): TraceExporter | null {
  const { otlpEndpoint, otlpTracesEndpoint } = values;
  const url = otlpTracesEndpoint ??
    (otlpEndpoint === null ? null : `${otlpEndpoint.replace(/\/+$/, "")}/v1/traces`);
  if (url === null) return null;
  return traceExporter({
    url,
    headers: otlpHeaders(values.otlpHeaders),
    serviceName: values.otlpServiceName,
    nowMs: () => Date.now(),
    onAnswer(why) {
      if (why === null) logger.info("{url} takes traces again", { event: "traces-sent", url });
      else logger.warn(unsentText, { event: "traces-not-sent", url, why });
    },
  });
}

const unsentText = "{url} takes no traces: {why}. Check CDCDELTA_OTLP_ENDPOINT (--otlp-endpoint) " +
  "and CDCDELTA_OTLP_HEADERS; the run goes on without";

/** Headers as `OTEL_EXPORTER_OTLP_HEADERS` has them: `name=value` by commas, percent-encoded. */
export function otlpHeaders(text: string | null): Readonly<Record<string, string>> {
  const pairs = (text ?? "").split(",").flatMap((pair): [string, string][] => {
    const equals = pair.indexOf("=");
    if (equals < 1) return [];
    const value = pair.slice(equals + 1).trim();
    return [[pair.slice(0, equals).trim(), decoded(value)]];
  });
  return Object.fromEntries(pairs);
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
