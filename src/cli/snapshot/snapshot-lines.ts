import type { SnapshotEvent } from "../../core/connect/follow-snapshot.ts";
import { counted } from "../output/counted.ts";
import {
  type CollectionView,
  fractionOf,
  rateOf,
  rowsOf,
  type SinkView,
  type SnapshotView,
} from "./snapshot-view.ts";

const barWidth = 16;

/** The line of one collection on a terminal. Pure. */
export function collectionLine(
  view: CollectionView,
  { nameWidth, paused, nowMs }: {
    readonly nameWidth: number;
    readonly paused: boolean;
    readonly nowMs: number;
  },
): string {
  const name = view.collection.padEnd(nameWidth);
  switch (view.state.kind) {
    case "waiting":
      return `${name}  ${bar(0)}        waiting`;
    case "failed":
      return `${name}  failed: ${view.state.status}`;
    case "running":
    case "scanned": {
      const fraction = fractionOf(view);
      const percent = fraction === null ? "     " : `${Math.floor(fraction * 100)}%`.padStart(5);
      const rate = rateOf(view, nowMs);
      const parts = [
        rowsText(view),
        ...(rate === null ? [] : [`${group(rate)}/s`]),
        ...(paused && view.state.kind === "running" ? ["paused"] : []),
      ];
      return `${name}  ${bar(fraction ?? 0)}${percent}  ${parts.join("  ")}`;
    }
  }
}

/** The line of the tables on a terminal. Pure. */
export function sinkLine(sink: SinkView, nameWidth: number): string {
  const { behind, behindAtFirst } = sink;
  const done = behindAtFirst === 0n ? 1 : Number(behindAtFirst - behind) / Number(behindAtFirst);
  const percent = `${Math.floor(done * 100)}%`.padStart(5);
  const rest = sink.unattended
    ? `nobody reads in group ${sink.group}: start cdcdelta run`
    : `${counted(group(behind), "offset")} to go`;
  return `${"into the tables".padEnd(nameWidth)}  ${bar(done)}${percent}  ${rest}`;
}

/** What happened, for logs: null where it is not worth a line. Pure. */
export function eventLine(
  event: SnapshotEvent,
  { view, id }: { readonly view: SnapshotView; readonly id: string },
): string | null {
  switch (event.kind) {
    case "sent":
      return `snapshot ${id}: the signal is sent`;
    case "answered":
      return event.joined
        ? "taken up, as part of a snapshot that was running"
        : "taken up by the connector";
    case "phase":
      return event.phase === "paused" ? "paused" : "goes on";
    case "collection": {
      const found = view.collections.find(({ collection }) => collection === event.collection);
      return found === undefined ? null : stateLine(found);
    }
    case "growth":
      return null;
  }
}

/** Debezium reads a collection that is not there without a word. `limited`: by `--where`. Pure. */
export function emptyText(collection: string, { limited }: { readonly limited: boolean }): string {
  return `Warning: nothing was read of ${collection}: ${
    limited ? "its --where matches nothing, " : ""
  }it is empty, or there is no such collection (check the spelling)`;
}

function stateLine(view: CollectionView): string | null {
  switch (view.state.kind) {
    case "waiting":
      return null;
    case "running":
      // One line as it begins; how far it is stands in the lines that come from time to time.
      return view.grown === 0n && view.firstKey === view.state.lastKey
        ? `${view.collection}: reading`
        : null;
    case "scanned":
      // Its topic may still be growing where Debezium does not tell the rows.
      return `${view.collection}: read${rowsOf(view).exact ? `, ${rowsText(view)}` : ""}`;
    case "failed":
      return `${view.collection}: failed: ${view.state.status}`;
  }
}

/** How far the running collections are, from time to time. Pure. */
export function runningLines(view: SnapshotView, nowMs: number): string[] {
  return view.collections.filter(({ state }) => state.kind === "running").map((each) => {
    const rate = rateOf(each, nowMs);
    const fraction = fractionOf(each);
    const parts = [
      rowsText(each),
      ...(rate === null ? [] : [`${group(rate)}/s`]),
      ...(fraction === null ? [] : [`${Math.floor(fraction * 100)}% of its keys`]),
      ...(view.paused ? ["paused"] : []),
    ];
    return `${each.collection}: ${parts.join(", ")}`;
  });
}

/** How far the tables are, from time to time. Pure. */
export function sinkText(sink: SinkView): string {
  const to = `into the tables: ${counted(group(sink.behind), "offset")} to go`;
  return sink.unattended
    ? `${to}; nobody reads in the consumer group "${sink.group}" (${sink.state}): start cdcdelta run`
    : `${to} (group ${sink.group}, ${counted(sink.members, "member")})`;
}

/** `5,000 rows`, `about 5,000 rows`. */
export function rowsText(view: CollectionView): string {
  const { rows, exact } = rowsOf(view);
  return `${exact ? "" : "about "}${counted(group(rows), "row")}`;
}

/** Why a collection failed, and what to do. Pure. */
export function failureText(status: string): string {
  switch (status) {
    case "UNKNOWN_SCHEMA":
      return "the connector does not know it, or its _id is of a type that an incremental " +
        "snapshot cannot put in order (a document, a date, a boolean): try --type blocking";
    case "NO_PRIMARY_KEY":
      return "Debezium sees no key in it: try --type blocking";
    case "SQL_EXCEPTION":
      return "reading from MongoDB failed: Connect's log says why";
    case "SKIPPED":
      return "Debezium skipped it: Connect's log says why";
    case "ABORTED":
    case "STOPPED":
      return "it was stopped: run the same command again to read it from its start";
    case "MISSING":
      return "the snapshot ended without reading it: it was stopped, or the connector does not " +
        "capture it";
    default:
      return "Connect's log says why";
  }
}

function bar(fraction: number): string {
  const done = Math.round(fraction * barWidth);
  return `[${"#".repeat(done)}${"-".repeat(barWidth - done)}]`;
}

function group(count: number | bigint): string {
  return count.toLocaleString("en-US");
}
