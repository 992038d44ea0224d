import { type HttpServer, openHttpServer } from "./http/http-server.ts";
import { runPages } from "./http/run-pages.ts";
import { defaultHttpPort } from "./settings/operation-settings.ts";
import type { Settings } from "./settings/settings.ts";
import type { Readiness } from "./watch/readiness.ts";
import type { RunObserver } from "./watch/run-event.ts";
import { runMetrics } from "./watch/run-metrics.ts";
import { storeProbe } from "./watch/store-probe.ts";
import type { WiredRun } from "./wire.ts";

/** The HTTP endpoints of a run, and who counts for them. */
export type RunServer = { readonly server: HttpServer; readonly observe: RunObserver };

/** Opens the endpoints unless they are off. Errors: `usage` when the port is taken. */
export async function openRunServer(
  values: Settings,
  flags: { readonly plan: boolean; readonly untilLatest: boolean },
  { wired, ready, tell, startedMs }: {
    readonly wired: WiredRun;
    readonly ready: Readiness;
    /** Who hears of what is found out here. */
    readonly tell: RunObserver;
    readonly startedMs: number;
  },
): Promise<RunServer | null> {
  const port = portOf(values, flags);
  if (port === null) return null;
  const metrics = runMetrics({
    lanes: () => wired.pump.source.lanes(),
    heldBytes: wired.heldBytes,
    heldBytesMax: wired.settings.flush.heldBytesMax,
    connected: () => wired.sourceState()?.connected ?? null,
    ready: () => ready.reasons().length === 0,
  }, () => Date.now());
  const uptimeSeconds = (): number => (Date.now() - startedMs) / 1000;
  const probe = storeProbe({ ask: wired.askStore, tell, nowMs: () => Date.now() });
  const pages = runPages({ metrics, ready, askStore: probe.check, uptimeSeconds });
  const server = await openHttpServer({ host: values.httpHost, port, pages });
  const observe: RunObserver = (event) => {
    metrics.observe(event);
    probe.observe(event);
  };
  return { server, observe };
}

/** A run that ends by itself has nobody who watches it, and may run beside one that does not end. */
function portOf(
  { httpPort, source }: Settings,
  { plan, untilLatest }: { readonly plan: boolean; readonly untilLatest: boolean },
): number | null {
  switch (httpPort) {
    case "off":
      return null;
    case "auto":
      return source === null && !plan && !untilLatest ? defaultHttpPort : null;
    default:
      return httpPort;
  }
}
