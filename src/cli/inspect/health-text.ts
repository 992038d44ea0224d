import { counted } from "../output/counted.ts";
import { jsonText } from "../output/json-text.ts";
import { factsText } from "../output/table-text.ts";
import { humanByteSize } from "../settings/units.ts";
import type { HealthFacts } from "./health-report.ts";
import { type HealthFinding, partitionText, percent } from "./health-findings.ts";
import type { ListFormat } from "./list-output.ts";

/** How a table is kept and what could be better, for standard output. Pure. */
export function healthText(
  facts: HealthFacts,
  findings: readonly HealthFinding[],
  format: ListFormat,
): string {
  if (format !== "table") {
    const { table, version, ...rest } = facts;
    const report = { table, version, healthy: findings.length === 0, findings, ...rest };
    return `${jsonText(report, format === "json" ? 2 : 0)}\n`;
  }
  const parts = [factsText(lines(facts))];
  if (findings.length === 0) parts.push("nothing to mend\n");
  else {
    parts.push(
      "what could be better\n" +
        findings.map(({ message, mend }) => ` ${message}\n   ${mend}\n`).join(""),
    );
  }
  return parts.join("\n");
}

function lines(facts: HealthFacts): [string, string][] {
  const { log, files, deletionVectors, unneeded, transactions, partitions } = facts;
  const { vacuum } = unneeded;
  const checkpoint = log.checkpointVersion === null ? "none" : `version ${log.checkpointVersion}`;
  return [
    ["table", facts.table],
    ["version", String(facts.version)],
    [
      "log",
      `${counted(log.commits, "commit")}, ${humanByteSize(log.sizeInBytes)} with checkpoints`,
    ],
    ["checkpoint", `${checkpoint}; commits since then ${log.checkpointDebt}`],
    ["files", `${files.count}, ${humanByteSize(files.sizeInBytes)}`],
    [
      "file size",
      `${humanByteSize(files.averageSizeInBytes)} on average, ${percent(files.smallRatio)} small ` +
      `(target ${humanByteSize(files.targetSizeInBytes)})`,
    ],
    [
      "deletion vectors",
      `${deletionVectors.files} (${percent(deletionVectors.ratio)} of the files), ` +
      `${counted(deletionVectors.deletedRows, "row")} deleted`,
    ],
    ["tombstones", `${unneeded.tombstones}, ${humanByteSize(unneeded.tombstoneBytes)}`],
    [
      "to vacuum",
      vacuum === null
        ? "unknown"
        : `${counted(vacuum.files, "file")}, ${humanByteSize(vacuum.sizeInBytes)}`,
    ],
    ["transactions", `${transactions.count}, ${transactions.expired} expired`],
    ["partitions", partitionsText(partitions)],
  ];
}

function partitionsText({ count, largest, medianSizeInBytes }: HealthFacts["partitions"]): string {
  if (largest === null) return count === 0 ? "none" : String(count);
  return `${count}, median ${humanByteSize(medianSizeInBytes)}, largest ` +
    `${humanByteSize(largest.sizeInBytes)} (${
      partitionText(largest.values)
    }), skew ${largest.skew}`;
}
