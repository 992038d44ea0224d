import { MultiBar, type SingleBar } from "cli-progress";
import { terminalWidth } from "../progress.ts";
import { collectionLine, sinkLine } from "./snapshot-lines.ts";
import type { SnapshotView } from "./snapshot-view.ts";

const redrawMs = 200;

/** Bars of a snapshot on a terminal: one a collection, and one for the tables. */
export type SnapshotBars = {
  /** Writes a line above the bars. */
  print(line: string): void;
  /** Draws a last time and leaves the terminal as it was. */
  stop(): void;
};

/** Draws what `view` tells until stopped. */
export function snapshotBars(
  stream: NodeJS.WriteStream,
  view: () => SnapshotView,
  nowMs: () => number,
): SnapshotBars {
  const bars = new MultiBar({
    stream,
    format: (_options, _params, payload: { readonly line?: string }) => payload.line ?? "",
    hideCursor: true,
    clearOnComplete: false,
    stopOnComplete: false,
    forceRedraw: true,
    fps: 1000 / redrawMs,
    gracefulExit: false,
  });
  const lines: SingleBar[] = [];
  const draw = (): void => {
    barLines(view(), { columns: terminalWidth(stream), nowMs: nowMs() }).forEach((line, i) => {
      const bar = lines[i] ?? bars.create(1, 0, { line: "" });
      lines[i] = bar;
      bar.update(0, { line });
    });
  };
  draw();
  const timer = setInterval(draw, redrawMs);
  let stopped = false;
  return {
    print: (line) => bars.log(line.endsWith("\n") ? line : `${line}\n`),
    stop() {
      if (stopped) return;
      stopped = true;
      clearInterval(timer);
      draw();
      bars.update();
      bars.stop();
    },
  };
}

/** All lines of the bars, cut to the terminal. Pure. */
export function barLines(
  view: SnapshotView,
  { columns, nowMs }: { readonly columns: number; readonly nowMs: number },
): string[] {
  const names = view.collections.map(({ collection }) => collection.length);
  const nameWidth = Math.max("into the tables".length, ...names);
  const { paused } = view;
  const lines = view.collections.map((each) => collectionLine(each, { nameWidth, paused, nowMs }));
  if (view.sink !== null) lines.push(sinkLine(view.sink, nameWidth));
  return lines.map((line) => line.length < columns ? line : `${line.slice(0, columns - 2)}…`);
}
