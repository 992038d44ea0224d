import { CdcDeltaError } from "../../errors.ts";
import { parseLossless, rawNumberText } from "../schema/lossless-json.ts";
import type { AddFile, DomainMetadata, Metadata, Protocol } from "./actions.ts";
import type { WriteIntent } from "./feature-rules.ts";
import { protocolFeatures } from "./table-features.ts";

/** The domain that holds the highest row id given so far. */
export const rowTrackingDomain = "delta.rowTracking";

/** A table that new files come into, and the version they come with. */
export type RowIdTable = {
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly domains: ReadonlyMap<string, DomainMetadata>;
  readonly version: number;
  /** The table, for messages. */
  readonly uri: string;
};

export type AssignedRowIds = {
  readonly adds: readonly AddFile[];
  /** The risen high-water mark; null: it stays. */
  readonly domain: DomainMetadata | null;
};

/**
 * Gives row ids to files that have none (PROTOCOL.md, "Row Tracking"): a range of ids above all
 * that were ever given, and the commit's version. Files that come back keep what they have. Pure.
 * Throws `unsupported` for a file that does not tell its number of rows, `log-corrupt` for a
 * high-water mark that is no number.
 */
export function assignRowIds(adds: readonly AddFile[], table: RowIdTable): AssignedRowIds {
  if (!givesRowIds(table)) return { adds, domain: null };
  const before = highWaterMark(table);
  let mark = before;
  const assigned = adds.map((add): AddFile => {
    const known = add.baseRowId;
    // One that comes back was counted when it came first.
    const rows = known === undefined ? recordsOf(add, table.uri) : recordsTold(add) ?? 0n;
    const baseRowId = known ?? mark + 1n;
    const last = baseRowId + rows - 1n;
    if (last > mark) mark = last;
    const defaultRowCommitVersion = add.defaultRowCommitVersion ?? BigInt(table.version);
    return { ...add, baseRowId, defaultRowCommitVersion };
  });
  if (mark === before) return { adds: assigned, domain: null };
  const configuration = `{"rowIdHighWaterMark":${mark}}`;
  return { adds: assigned, domain: { domain: rowTrackingDomain, configuration, removed: false } };
}

/**
 * What `commitInfo.tags` says to other writers: whether rows that were moved are known as before.
 * Null: the table does not track its rows. Without `delta.enableRowTracking` files that are written
 * anew do not hold the ids. Pure.
 */
export function rowTrackingTags(
  table: Pick<RowIdTable, "protocol" | "metadata">,
  intent: WriteIntent,
): Readonly<Record<string, string>> | null {
  if (!givesRowIds(table)) return null;
  const enabled = table.metadata.configuration["delta.enableRowTracking"]?.trim().toLowerCase();
  const preserved = enabled === "true" || intent !== "rearrange";
  return { "delta.rowTracking.preserved": String(preserved) };
}

function givesRowIds(
  { protocol, metadata }: Pick<RowIdTable, "protocol" | "metadata">,
): boolean {
  const suspended = metadata.configuration["delta.rowTrackingSuspended"]?.trim().toLowerCase();
  return protocolFeatures(protocol).includes("rowTracking") && suspended !== "true";
}

/** The highest id given so far; -1 before the first. */
function highWaterMark({ domains, uri }: RowIdTable): bigint {
  const domain = domains.get(rowTrackingDomain);
  if (domain === undefined) return -1n;
  const found = numberAt(domain.configuration, "rowIdHighWaterMark");
  if (found !== null) return found;
  throw new CdcDeltaError(
    "log-corrupt",
    `Cannot give row ids in the Delta table at ${uri}: its domain ${rowTrackingDomain} has no ` +
      `rowIdHighWaterMark: ${domain.configuration}`,
    { context: { table: uri } },
  );
}

function recordsTold({ stats }: AddFile): bigint | null {
  return stats === undefined ? null : numberAt(stats, "numRecords");
}

function recordsOf(add: AddFile, uri: string): bigint {
  const rows = recordsTold(add);
  if (rows !== null) return rows;
  throw new CdcDeltaError(
    "unsupported",
    `Cannot add ${add.path} to the Delta table at ${uri}: the table tracks its rows ` +
      "(rowTracking), and the file's statistics do not tell how many it has",
    { context: { table: uri, path: add.path } },
  );
}

/** A member of a JSON object that is an integer, every digit of it; null when it is none. */
function numberAt(text: string, key: string): bigint | null {
  let json: unknown;
  try {
    json = parseLossless(text);
  } catch {
    return null;
  }
  const value = (json as Readonly<Record<string, unknown>> | null)?.[key];
  const digits = typeof value === "number" ? String(value) : rawNumberText(value) ?? "";
  return /^-?\d+$/.test(digits) ? BigInt(digits) : null;
}
