import type { ConnectorOverview } from "../../core/connect/connect-types.ts";
import type { PastSnapshot } from "../../core/connect/snapshot-history.ts";
import type { StoredSnapshot } from "../../core/connect/snapshot-offsets.ts";
import { behindOf, type SinkProgress } from "../../core/connect/sink-progress.ts";
import { counted } from "../output/counted.ts";
import { jsonText } from "../output/json-text.ts";
import { factsText, tableText } from "../output/table-text.ts";

/** Snapshots shown at most, the newest ones. */
export const shownMax = 5;

/** All that `--status` shows. */
export type SnapshotStatus = {
  readonly connector: ConnectorOverview | null;
  readonly unasked: string | null;
  readonly stored: StoredSnapshot | null;
  readonly history: readonly PastSnapshot[];
  readonly groupId: string;
  readonly sink: SinkProgress;
};

/** The status as text. Pure. */
export function statusText(status: SnapshotStatus): string {
  const { stored, history, groupId, sink } = status;
  const running = stored === null
    ? "none"
    : `${stored.collections.join(", ")} (signal ${stored.signalId ?? "unknown"})`;
  const facts = factsText([
    ["connector", connectorText(status)],
    ["incremental, by its offsets", running],
    [
      "tables",
      `group ${groupId} is ${sink.state} with ${counted(sink.members, "member")}, ` +
      `${counted(String(behindOf(sink)), "offset")} behind`,
    ],
  ]);
  const shown = history.slice(-shownMax).toReversed();
  if (shown.length === 0) return `${facts}\nNo snapshots in the notifications\n`;
  const rows = shown.flatMap(snapshotRows);
  const header = ["last heard of", "snapshot", "state", "collection", "status", "rows", "key"];
  return `${facts}\n${tableText(header, rows)}`;
}

function connectorText({ connector, unasked }: SnapshotStatus): string {
  if (connector === null) return unasked ?? "unknown";
  const { name, status } = connector;
  const tasks = (status?.tasks ?? []).map(({ id, state }) => `task ${id} ${state}`);
  return [`${name} ${status?.state ?? "UNASSIGNED"}`, ...tasks].join(", ");
}

function snapshotRows(snapshot: PastSnapshot): string[][] {
  const { aggregate, state, lastMs, collections } = snapshot;
  const time = new Date(lastMs).toISOString().replace("T", " ").slice(0, 19);
  const kind = aggregate === "incremental" ? "incremental" : "initial or blocking";
  if (collections.length === 0) return [[time, kind, state, "-", "-", "-", "-"]];
  return collections.map(({ collection, status, rows, lastKey, maximumKey }, i) => [
    i === 0 ? time : "",
    i === 0 ? kind : "",
    i === 0 ? state : "",
    collection,
    status,
    rows === null ? "-" : String(rows),
    lastKey === null ? "-" : `${lastKey} of ${maximumKey ?? "?"}`,
  ]);
}

/** The status as one JSON object on a line. Pure. */
export function statusJson(
  { connector, stored, history, groupId, sink }: SnapshotStatus,
): string {
  const { state, members, goals } = sink;
  return `${
    jsonText({
      connector: connector === null ? null : {
        name: connector.name,
        state: connector.status?.state ?? "UNASSIGNED",
        tasks: connector.status?.tasks.map((task) => ({ id: task.id, state: task.state })) ?? [],
      },
      incremental: stored,
      group: { id: groupId, state, members, behind: behindOf(sink), partitions: goals },
      snapshots: history.slice(-shownMax).toReversed(),
    }, 0)
  }\n`;
}
