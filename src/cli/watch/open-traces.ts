import type { Settings } from "../settings/settings.ts";
import { otlpHeaders, type TraceExporter, traceExporter } from "./otlp-traces.ts";

/** The exporter of traces that the settings ask for; null: none. */
export function openTraces(values: Settings): TraceExporter | null {
  const { otlpEndpoint, otlpTracesEndpoint } = values;
  const url = otlpTracesEndpoint ??
    (otlpEndpoint === null ? null : `${otlpEndpoint.replace(/\/+$/, "")}/v1/traces`);
  if (url === null) return null;
  return traceExporter({
    url,
    headers: otlpHeaders(values.otlpHeaders),
    serviceName: values.otlpServiceName,
    nowMs: () => Date.now(),
  });
}
