import type { StructType } from "../../delta/schema/data-type.ts";
import { factsText, tableText } from "../output/table-text.ts";
import { humanByteSize } from "../settings/units.ts";
import { type HistoryRow, historyTable } from "./history-view.ts";
import { schemaTree } from "./schema-tree.ts";
import type { TableFacts } from "./table-facts.ts";

/** A table at a glance, for people. Pure. */
export function overviewText(
  facts: TableFacts,
  schema: StructType,
  lastCommits: readonly HistoryRow[],
): string {
  const { protocol } = facts;
  const records = facts.numRecords === null ? "unknown (no statistics)" : String(facts.numRecords);
  const general: [string, string | null][] = [
    ["table", facts.table],
    ...optional("name", facts.name),
    ...optional("description", facts.description),
    ["id", facts.id],
    ["version", String(facts.version)],
    ...optional("committed", facts.timestamp),
    ["protocol", `reader ${protocol.minReaderVersion}, writer ${protocol.minWriterVersion}`],
    ["features", facts.features.length === 0 ? "none" : facts.features.join(", ")],
    ["partitioned by", facts.partitionColumns.join(", ") || "nothing"],
    ["files", String(facts.numFiles)],
    ["size", humanByteSize(facts.sizeInBytes)],
    ["rows", records],
  ];
  const parts = [factsText(general), section("schema", schemaTree(schema, facts.partitionColumns))];
  const properties = Object.entries(facts.configuration).map(([key, value]) => `${key} = ${value}`);
  if (properties.length > 0) parts.push(section("properties", properties.map((l) => ` ${l}`)));
  parts.push(`last commits\n${historyTable(lastCommits)}`);
  if (facts.positions.length > 0) parts.push(positionsTable(facts));
  const others = facts.transactions.length - ownTransactions(facts);
  if (others > 0) parts.push(otherTransactions(facts));
  return parts.join("\n");
}

function positionsTable({ positions }: TableFacts): string {
  const rows = positions.map(({ pipeline, topic, partition, offset, identity }) => [
    pipeline,
    topic,
    partition,
    offset,
    identity === "" ? null : identity,
  ]);
  return `stored positions\n${
    tableText(["pipeline", "topic", "partition", "offset", "identity"], rows)
  }`;
}

function otherTransactions({ transactions }: TableFacts): string {
  const rows = transactions.filter(({ appId }) => !isOwn(appId))
    .map(({ appId, version }) => [appId, version]);
  return `transactions of other applications\n${tableText(["appId", "version"], rows)}`;
}

function ownTransactions({ transactions }: TableFacts): number {
  return transactions.filter(({ appId }) => isOwn(appId)).length;
}

function isOwn(appId: string): boolean {
  return appId.startsWith("cdcdelta:") || appId.startsWith("cdcdelta-check:");
}

function optional(name: string, value: string | null): [string, string][] {
  return value === null ? [] : [[name, value]];
}

function section(title: string, lines: readonly string[]): string {
  return `${title}\n${lines.join("\n")}\n`;
}
