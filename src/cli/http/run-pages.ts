import { type RunMetrics } from "../watch/run-metrics.ts";
import type { Readiness } from "../watch/readiness.ts";
import { versionText } from "../version.ts";
import { type HttpPages, jsonAnswer } from "./http-server.ts";

/** The pages of a run: metrics for Prometheus, health and readiness for orchestrators. */
export function runPages(
  { metrics, ready, askStore, uptimeSeconds }: {
    readonly metrics: RunMetrics;
    readonly ready: Readiness;
    /** Asks a store that was silent whether it is there. */
    readonly askStore: () => Promise<void>;
    readonly uptimeSeconds: () => number;
  },
): HttpPages {
  return {
    "/metrics": async () => ({
      status: 200,
      contentType: metrics.contentType,
      body: await metrics.text(),
    }),
    // That it is answered at all is the answer: the process is there and its loop turns.
    "/healthz": () =>
      jsonAnswer(200, {
        status: "ok",
        version: versionText,
        uptimeSeconds: Math.floor(uptimeSeconds()),
      }),
    "/readyz": async () => {
      await askStore();
      const reasons = ready.reasons();
      return reasons.length === 0
        ? jsonAnswer(200, { status: "ready" })
        : jsonAnswer(503, { status: "not ready", reasons });
    },
  };
}
