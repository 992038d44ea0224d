import { checksumKey, commitKey } from "../../delta/log/log-path.ts";
import { someKeys } from "../../delta/operations/file-objects.ts";
import { parseTableUri } from "../../delta/storage/table-uri.ts";
import { counted } from "../output/counted.ts";
import { formatDuration, humanByteSize } from "../settings/units.ts";
import type { HealthFacts } from "./health-report.ts";

/** Something about a table that could be better, and what mends it. */
export type HealthFinding = {
  readonly finding:
    | "checkpoint-debt"
    | "expired-log"
    | "long-log"
    | "empty-commit"
    | "missing-files"
    | "wrong-checksum"
    | "small-files"
    | "deleted-rows"
    | "unneeded-files"
    | "expired-transactions"
    | "expiring-positions"
    | "skew";
  readonly message: string;
  /** A command line, or a statement of Spark where only that can do it. */
  readonly mend: string;
};

/** Checkpoints may be late by an interval: they follow commits, and one can fail. */
const debtIntervalsMax = 2;
/** Opening a table lists its log: a thousand names a request. */
const commitsMax = 20_000;
/** Delta's own default; a longer one is a choice, and has its price. */
const longRetentionMs = 7 * 86_400_000;
/** Merging pays when it takes away at least this part of the files. */
const savedRatioMin = 0.2;
const deletedRatioMax = 0.05;
/** A partition so many times the median, and large, keeps one reader busy while others wait. */
const skewMax = 10;
const skewedBytesMin = 1 << 30;

/** What could be better, the most useful first. `hasPositions`: cdcdelta feeds the table. Pure. */
export function healthFindings(
  facts: HealthFacts,
  { hasPositions }: { readonly hasPositions: boolean },
): HealthFinding[] {
  const command: Command = (name) => `cdcdelta ${name} ${shellWord(facts.table)}`;
  return [
    ...(hasPositions ? positionFindings(facts) : []),
    ...emptyCommitFindings(facts),
    ...missingFindings(facts, command),
    ...logFindings(facts, command),
    ...keepingFindings(facts),
    ...fileFindings(facts, command),
  ];
}

type Command = (name: string) => string;

function positionFindings({ table, transactions: { retentionMs } }: HealthFacts): HealthFinding[] {
  if (retentionMs === null) return [];
  return [{
    finding: "expiring-positions",
    message: `stored positions expire after ${formatDuration(retentionMs)}: rows would be ` +
      "written again; cdcdelta run refuses the table",
    mend: `ALTER TABLE delta.\`${table}\` UNSET TBLPROPERTIES ` +
      "('delta.setTransactionRetentionDuration')",
  }];
}

/** Only people know whether rows are missing: the file comes back, or says that it did nothing. */
function emptyCommitFindings({ table, log }: HealthFacts): HealthFinding[] {
  return log.emptyCommits.map((version) => {
    const file = shellWord(localPath(`${table.replace(/\/+$/, "")}/${commitKey(version)}`));
    const to = table.startsWith("s3://") ? `| aws s3 cp - ${file}` : `> ${file}`;
    return {
      finding: "empty-commit",
      message:
        `the file of commit ${version} is empty, so what it did is lost; nothing of the log ` +
        "from there on is cleaned up, and vacuum refuses. Put the file back from a backup; or if no " +
        "rows are missing, say that the commit did nothing",
      mend: `echo '{"commitInfo":{"operation":"none, was empty"}}' ${to}`,
    };
  });
}

function missingFindings({ files: { missing } }: HealthFacts, command: Command): HealthFinding[] {
  if (missing.count === 0) return [];
  const [are, them] = missing.count === 1 ? ["is", "it"] : ["are", "them"];
  return [{
    finding: "missing-files",
    message: `${counted(missing.count, "file")} that the table needs ${are} gone ` +
      `(${someKeys(missing.named, missing.count)}), so its rows cannot be read. Put ${them} back ` +
      `from a backup; or read the records again (cdcdelta replay); or go back to a version that ` +
      "has its files",
    mend: `${command("restore")} --version with an older one, and --dry-run first`,
  }];
}

function logFindings({ log, transactions }: HealthFacts, command: Command): HealthFinding[] {
  const findings: HealthFinding[] = [];
  if (log.checkpointDebt > log.checkpointInterval * debtIntervalsMax) {
    findings.push({
      finding: "checkpoint-debt",
      message: `${counted(log.checkpointDebt, "commit")} since the last checkpoint, one is due ` +
        `every ${log.checkpointInterval}`,
      mend: command("checkpoint"),
    });
  }
  if (log.expiredFiles > 0) {
    findings.push({
      finding: "expired-log",
      message: `${counted(log.expiredFiles, "log file")} past the retention of the log`,
      mend: command("checkpoint"),
    });
  }
  if (transactions.expired > 0) {
    findings.push({
      finding: "expired-transactions",
      message: `${counted(transactions.expired, "transaction")} past their retention`,
      mend: command("checkpoint"),
    });
  }
  return findings;
}

/** What no command of ours mends, but a property or a file. */
function keepingFindings({ table, version, log }: HealthFacts): HealthFinding[] {
  const findings: HealthFinding[] = [];
  const isKeptLong = !log.isCleanedUp || log.retentionMs > longRetentionMs;
  if (log.commits > commitsMax && log.expiredFiles === 0 && isKeptLong) {
    const property = log.isCleanedUp
      ? "'delta.logRetentionDuration' = 'interval 7 days'"
      : "'delta.enableExpiredLogCleanup' = 'true'";
    findings.push({
      finding: "long-log",
      message: `${counted(log.commits, "commit")} are kept, ` +
        (log.isCleanedUp ? `for ${formatDuration(log.retentionMs)}` : "as nothing cleans up"),
      mend: `ALTER TABLE delta.\`${table}\` SET TBLPROPERTIES (${property})`,
    });
  }
  if (log.wrongChecksum.length > 0) {
    const file = `${table.replace(/\/+$/, "")}/${checksumKey(version)}`;
    findings.push({
      finding: "wrong-checksum",
      message: `the checksum file of version ${version} contradicts the log (` +
        `${log.wrongChecksum.join(", ")}): readers that trust it go wrong`,
      mend: `${table.startsWith("s3://") ? "aws s3 rm" : "rm"} ${shellWord(localPath(file))}`,
    });
  }
  return findings;
}

function localPath(uri: string): string {
  const location = parseTableUri(uri);
  return location.kind === "local" ? location.path : uri;
}

function fileFindings(facts: HealthFacts, command: Command): HealthFinding[] {
  const findings: HealthFinding[] = [];
  const { files, deletionVectors, unneeded, partitions: { largest } } = facts;
  if (files.mergeable - files.mergedInto >= Math.max(1, files.count * savedRatioMin)) {
    findings.push({
      finding: "small-files",
      message: `${counted(files.mergeable, "file")} would fit into ${files.mergedInto}; the ` +
        `average file has ${humanByteSize(files.averageSizeInBytes)}`,
      mend: command("optimize"),
    });
  }
  if ((deletionVectors.deletedRatio ?? 0) > deletedRatioMax) {
    findings.push({
      finding: "deleted-rows",
      message: `${percent(deletionVectors.deletedRatio ?? 0)} of the rows in files are deleted`,
      mend: command("optimize"),
    });
  }
  if (unneeded.vacuum !== null && unneeded.vacuum.files > 0) {
    findings.push({
      finding: "unneeded-files",
      message: `${counted(unneeded.vacuum.files, "file")} ` +
        `(${
          humanByteSize(unneeded.vacuum.sizeInBytes)
        }) that no version within the retention needs`,
      mend: command("vacuum"),
    });
  }
  if (largest !== null && largest.skew > skewMax && largest.sizeInBytes >= skewedBytesMin) {
    findings.push({
      finding: "skew",
      message: `partition ${partitionText(largest.values)} has ` +
        `${humanByteSize(largest.sizeInBytes)}, ${largest.skew} times the median`,
      mend: "cdcdelta run --partition-by with other columns, into a new table",
    });
  }
  return findings;
}

/** `12.5%`. */
export function percent(part: number): string {
  return `${Number((part * 100).toFixed(1))}%`;
}

/** `day=2026-01-31 region=null`. */
export function partitionText(values: Readonly<Record<string, string | null>>): string {
  return Object.entries(values).map(([name, value]) => `${name}=${value ?? "null"}`).join(" ");
}

/** A word as a shell takes it. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
