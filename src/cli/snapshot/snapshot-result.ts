import type { SnapshotType } from "../../core/connect/signal.ts";
import { jsonText } from "../output/json-text.ts";
import { tableText } from "../output/table-text.ts";
import { failureText } from "./snapshot-lines.ts";
import { rateOf, rowsOf, type SnapshotView } from "./snapshot-view.ts";

/** How a snapshot ended, for standard output. */
export type SnapshotResult = {
  readonly id: string;
  readonly type: SnapshotType;
  readonly view: SnapshotView;
  readonly elapsedMs: number;
  /** How far it was followed: its rows are in the tables, in Kafka only, or it is still running. */
  readonly until: "tables" | "kafka" | "answer";
};

/** True when all that was waited for came about. Pure. */
export function isDone({ view, until }: SnapshotResult): boolean {
  return until === "answer" ||
    view.collections.every(({ state }) => state.kind === "scanned");
}

/** The result as JSON, on one line. Pure. */
export function resultJson(result: SnapshotResult): string {
  const { id, type, view, elapsedMs, until } = result;
  return `${
    jsonText({
      event: "done",
      ok: isDone(result),
      signal: id,
      type,
      until,
      elapsedMs,
      collections: view.collections.map((each) => {
        const { rows, exact } = rowsOf(each);
        return {
          collection: each.collection,
          state: each.state.kind,
          ...(each.state.kind === "failed" ? { status: each.state.status } : {}),
          rows,
          rowsExact: exact,
          rowsPerSecond: rateOf(each, each.endedMs ?? 0),
        };
      }),
    }, 0)
  }\n`;
}

/** The result as a table and a sentence. Pure. */
export function resultText(result: SnapshotResult): string {
  const { id, view, elapsedMs, until } = result;
  if (until === "answer") {
    return `The snapshot ${id} is running. Its state: cdcdelta snapshot --status\n`;
  }
  const rows = view.collections.map((each) => {
    const { rows: count, exact } = rowsOf(each);
    const rate = rateOf(each, each.endedMs ?? 0);
    return [
      each.collection,
      each.state.kind === "failed" ? each.state.status : "read",
      each.state.kind === "failed" ? "-" : `${exact ? "" : "about "}${count}`,
      rate === null || each.state.kind === "failed" ? "-" : String(rate),
    ];
  });
  const failures = view.collections.flatMap(({ collection, state }) =>
    state.kind === "failed" ? [`${collection}: ${failureText(state.status)}`] : []
  );
  const seconds = `${(elapsedMs / 1000).toFixed(1)} s`;
  const end = failures.length > 0
    ? `Not every collection was read:\n${failures.map((line) => `  ${line}`).join("\n")}`
    : until === "tables"
    ? `All rows are in the tables after ${seconds}`
    : `All rows are in Kafka after ${seconds}`;
  return `${tableText(["collection", "state", "rows", "rows/s"], rows)}${end}\n`;
}
