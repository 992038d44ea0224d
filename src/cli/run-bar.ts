import { liveLine } from "./live-status.ts";
import { type ProgressBar, progressBar, progressLine } from "./progress.ts";
import type { Readiness } from "./watch/readiness.ts";
import type { WiredRun } from "./wire.ts";
import type { CliWorld } from "./world.ts";

/** The line at the foot of a terminal; null where there is none. */
export function openRunBar(
  { terminal }: CliWorld,
  { pump, settings, sourceState, heldBytes }: WiredRun,
  ready: Readiness,
): ProgressBar | null {
  if (terminal === null) return null;
  const { source } = pump;
  if (sourceState() === null) {
    return progressBar(
      terminal,
      (facts, columns) => progressLine(source.progress(), facts, columns),
    );
  }
  return progressBar(terminal, (facts, columns) => {
    const live = {
      lanes: source.lanes(),
      heldBytes: heldBytes(),
      heldBytesMax: settings.flush.heldBytesMax,
      notReady: ready.reasons(),
      waitsFor: sourceState()?.waitsFor ?? 0,
    };
    return liveLine(facts, live, columns);
  });
}
