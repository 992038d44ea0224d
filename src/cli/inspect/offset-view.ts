import { findTables } from "../../core/position/find-tables.ts";
import { CdcDeltaError } from "../../errors.ts";
import { jsonText } from "../output/json-text.ts";
import { factsText } from "../output/table-text.ts";
import type { Settings } from "../settings/settings.ts";
import { type WiredTables, wireTables } from "../wire-tables.ts";
import type { CliWorld } from "../world.ts";
import type { KafkaPosition } from "./inspect-types.ts";
import { locateOffset, type OffsetOutcome, type OffsetPlace } from "./locate-offset.ts";

/** Tables of a folder lie at most so deep: database, collection, and a folder around them. */
const depthMax = 4;

/**
 * Prints where a Kafka record is in a table, or in the tables of a folder. Errors: `not-found` when
 * there is no table; as `locateOffset`.
 */
export async function inspectOffset(
  world: CliWorld,
  { values, uri }: { readonly values: Settings; readonly uri: string },
  position: KafkaPosition,
  format: string,
): Promise<void> {
  const signal = world.stdout.closed;
  const tables = wireTables(values);
  try {
    const places: OffsetPlace[] = [];
    for (const table of await tablesAt(tables, uri, signal)) {
      places.push(await locateOffset(tables.engineAt(table), position, signal));
    }
    const report = reportOf(position, places);
    await world.stdout.write(
      format === "table" ? offsetText(report) : `${jsonText(report, format === "json" ? 2 : 0)}\n`,
    );
  } finally {
    tables.close();
  }
}

async function tablesAt(tables: WiredTables, uri: string, signal: AbortSignal): Promise<string[]> {
  const { store } = tables.engineAt(uri);
  const folders = await findTables({ store, depth: depthMax }, { signal });
  if (folders.length > 0) {
    const root = uri.replace(/\/+$/, "");
    return folders.map((folder) => folder === "" ? uri : `${root}/${folder}`);
  }
  throw new CdcDeltaError(
    "not-found",
    `There is no Delta table at ${uri} nor in its folders. Check the path`,
    { context: { table: uri } },
  );
}

/** A record and what became of it, in the names that scripts rely on. */
type OffsetReport = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly outcome: OffsetOutcome;
  /** The tables that hold it; else those that know its topic and partition. */
  readonly tables: readonly OffsetPlace[];
};

/** The best that is known of a record, the tables taken together. */
const byWeight: readonly OffsetOutcome[] = [
  "row",
  "dead-letter",
  "deleted",
  "no-row",
  "not-yet",
  "unknown",
];

function reportOf(position: KafkaPosition, places: readonly OffsetPlace[]): OffsetReport {
  const outcome = byWeight.find((each) => places.some((place) => place.outcome === each)) ??
    "unknown";
  const isHeld = outcome === "row" || outcome === "dead-letter" || outcome === "deleted";
  const tables = places.filter((place) =>
    isHeld ? ["row", "dead-letter", "deleted"].includes(place.outcome) : place.outcome !== "unknown"
  );
  return { ...position, outcome, tables };
}

function offsetText(report: OffsetReport): string {
  const record = `offset ${report.offset} of partition ${report.partition} of ${report.topic}`;
  const parts = [`${record}: ${sentences[report.outcome]}\n`];
  for (const place of report.tables) parts.push(factsText(linesOf(place)));
  return parts.join("\n");
}

const sentences: Readonly<Record<OffsetOutcome, string>> = {
  "row": "a row",
  "dead-letter": "a dead letter",
  "deleted": "it was a row, which was deleted since",
  "no-row": "it was read and is no row here: a tombstone, a heartbeat, filtered, or a row of a " +
    "table elsewhere",
  "not-yet": "not there yet, or no row: the position of no table of rows has reached it",
  "unknown": "no table here knows the topic and the partition",
};

function linesOf(place: OffsetPlace): [string, string][] {
  const { commit, committedFile, file, row, values, position } = place;
  const lines: [string, string][] = [["table", place.table]];
  if (commit !== null) {
    const when = commit.timestamp === null ? "" : `, ${commit.timestamp}`;
    const text = `${commit.version}${when}`;
    lines.push(["version", commit.isCertain ? text : `${text}, or one that the log no longer has`]);
  }
  if (committedFile !== null) lines.push(["file", committedFile]);
  if (file !== null && file !== committedFile) lines.push(["now in", file]);
  if (row !== null) lines.push(["row", String(row)]);
  lines.push(...Object.entries(values));
  lines.push(["position", position === null ? "none" : String(position)]);
  return lines;
}
