import type { SnapshotEvent } from "../../core/connect/follow-snapshot.ts";
import type { SinkProgress } from "../../core/connect/sink-progress.ts";
import { jsonText } from "../output/json-text.ts";
import type { CliWorld } from "../world.ts";
import { snapshotBars } from "./snapshot-bars.ts";
import { eventLine, runningLines, sinkText } from "./snapshot-lines.ts";
import { newView, type SnapshotView, withEvent, withSink } from "./snapshot-view.ts";

/** How often plain lines tell how far things are. */
const plainEveryMs = 5000;
/** How often it is said again that nothing moves. */
const stillEveryMs = 60_000;

/** Tells somebody what happens to a snapshot: bars, plain lines or JSON. */
export type SnapshotTeller = {
  readonly view: () => SnapshotView;
  observe(event: SnapshotEvent): void;
  observeSink(group: string, progress: SinkProgress): void;
  /** A line of its own, such as a warning. */
  say(line: string): void;
  /** Resolves once all was written. */
  stop(): Promise<void>;
};

/** Bars on a terminal, otherwise lines on standard error; with `json` objects on standard output. */
export function snapshotTeller(
  world: CliWorld,
  { id, collections, json, nowMs }: {
    readonly id: string;
    readonly collections: readonly string[];
    readonly json: boolean;
    readonly nowMs: () => number;
  },
): SnapshotTeller {
  let view = newView(collections);
  let written = Promise.resolve();
  let toldMs = nowMs();
  let toldSink = "";
  const bars = world.terminal === null || json
    ? null
    : snapshotBars(world.terminal, () => view, nowMs);
  const line = (text: string): void => {
    if (bars === null) written = world.stderr.write(`${text}\n`);
    else bars.print(text);
  };
  const object = (value: object): void => {
    written = world.stdout.write(`${jsonText(value, 0)}\n`);
  };
  const due = (everyMs = plainEveryMs): boolean => {
    if (nowMs() - toldMs < everyMs) return false;
    toldMs = nowMs();
    return true;
  };
  return {
    view: () => view,
    observe(event) {
      view = withEvent(view, event);
      if (json) {
        if (event.kind !== "growth" || due()) object(eventObject(event, id));
        return;
      }
      const text = eventLine(event, { view, id });
      if (text !== null) line(text);
      if (bars === null && event.kind === "growth" && due()) {
        for (const each of runningLines(view, nowMs())) line(each);
      }
    },
    observeSink(group, progress) {
      view = withSink(view, group, progress);
      const { sink } = view;
      if (sink === null) return;
      const state = `${sink.state} ${sink.unattended}`;
      const still = `${state} ${sink.behind}` === toldSink;
      const first = !toldSink.startsWith(state);
      if (bars !== null || (!first && !due(still ? stillEveryMs : plainEveryMs))) return;
      toldSink = `${state} ${sink.behind}`;
      toldMs = nowMs();
      if (json) {
        const { state: groupState, members, behind } = sink;
        object({ event: "sink", group, state: groupState, members, behind });
      } else line(sinkText(sink));
    },
    say(text) {
      if (json) written = world.stderr.write(`${text}\n`);
      else line(text);
    },
    async stop() {
      bars?.stop();
      await written;
    },
  };
}

function eventObject(event: SnapshotEvent, signal: string): object {
  switch (event.kind) {
    case "sent":
      return { event: "sent", signal, offset: event.offset };
    case "answered":
      return { event: "answered", signal, joined: event.joined };
    case "phase":
      return { event: event.phase === "paused" ? "paused" : "resumed", signal };
    case "collection": {
      const { kind, ...facts } = event.state;
      const { collection } = event;
      return { event: "collection", signal, collection, state: kind, ...facts };
    }
    case "growth":
      return { event: "rows", signal, about: Object.fromEntries(event.records) };
  }
}
