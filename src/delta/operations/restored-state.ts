import type { DomainMetadata, Metadata, Protocol } from "../log/actions.ts";
import { protocolFeatures } from "../log/table-features.ts";
import type { TableState } from "../log/table-state.ts";

/** What a restore does to everything of a table but its files. */
export type RestoredState = {
  readonly metadata: Metadata;
  readonly protocol: Protocol;
  /** Domains that change. */
  readonly domainMetadata: readonly DomainMetadata[];
  /** `metadata` is not the newest one already. */
  readonly changesMetadata: boolean;
};

/**
 * The metadata, protocol and domains of `target` as they follow `newest`. What counts upwards or
 * tells of the log itself stays as it is now: the log goes on. Pure.
 */
export function restoredState(target: TableState, newest: TableState): RestoredState {
  const configuration = restoredConfiguration(target.metadata, newest.metadata);
  const metadata = { ...target.metadata, id: newest.metadata.id, configuration };
  return {
    metadata,
    protocol: mergeProtocols(target.protocol, newest.protocol),
    domainMetadata: restoredDomains(target, newest),
    changesMetadata: !sameMetadata(metadata, newest.metadata),
  };
}

/** Since which version commits have their own timestamps is a fact of the log, not of a version. */
const factsOfTheLog = [
  "delta.enableInCommitTimestamps",
  "delta.inCommitTimestampEnablementVersion",
  "delta.inCommitTimestampEnablementTimestamp",
] as const;

/** Names that were given once: files that stay hold columns with them. */
const givenOnce = [
  "delta.rowTracking.materializedRowIdColumnName",
  "delta.rowTracking.materializedRowCommitVersionColumnName",
] as const;

const maxColumnId = "delta.columnMapping.maxColumnId";

function restoredConfiguration(
  { configuration: target }: Metadata,
  { configuration: newest }: Metadata,
): Readonly<Record<string, string>> {
  const restored: Record<string, string> = { ...target };
  for (const key of factsOfTheLog) {
    delete restored[key];
    if (newest[key] !== undefined) restored[key] = newest[key];
  }
  for (const key of givenOnce) if (newest[key] !== undefined) restored[key] = newest[key];
  // A column's id is never given again: a file of a version between may hold it.
  const ids = [target[maxColumnId], newest[maxColumnId]].filter((id) => id !== undefined);
  if (ids.length > 0) restored[maxColumnId] = String(Math.max(...ids.map(Number)));
  return restored;
}

function sameMetadata(a: Metadata, b: Metadata): boolean {
  return a.schemaString === b.schemaString && a.name === b.name &&
    a.description === b.description &&
    JSON.stringify(a.partitionColumns) === JSON.stringify(b.partitionColumns) &&
    sortedText(a.configuration) === sortedText(b.configuration);
}

const sortedText = (values: Readonly<Record<string, string>>): string =>
  JSON.stringify(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));

/** At least what either of them asks for: what newer versions began to use may still be in files. */
function mergeProtocols(target: Protocol, newest: Protocol): Protocol {
  const minReaderVersion = Math.max(target.minReaderVersion, newest.minReaderVersion);
  const minWriterVersion = Math.max(target.minWriterVersion, newest.minWriterVersion);
  const readers = [...new Set([...readerFeatures(target), ...readerFeatures(newest)])];
  const writers = [...new Set([...protocolFeatures(target), ...protocolFeatures(newest)])];
  const grows = minReaderVersion > newest.minReaderVersion ||
    minWriterVersion > newest.minWriterVersion ||
    (minReaderVersion === 3 && readers.length > readerFeatures(newest).length) ||
    (minWriterVersion === 7 && writers.length > protocolFeatures(newest).length);
  if (!grows) return newest;
  return {
    minReaderVersion,
    minWriterVersion,
    ...(minReaderVersion === 3 ? { readerFeatures: readers.sort() } : {}),
    ...(minWriterVersion === 7 ? { writerFeatures: writers.sort() } : {}),
  };
}

/** Listed or, for reader version 2, implied. */
function readerFeatures({ minReaderVersion, readerFeatures: listed }: Protocol): readonly string[] {
  return minReaderVersion === 2 ? ["columnMapping"] : listed ?? [];
}

/** Domains that describe the files' layout and go back with them; all others stay, as in Spark. */
const restoredDomainNames: ReadonlySet<string> = new Set(["delta.clustering"]);

/**
 * The row ids' high-water mark must not go back, or ids would be given twice; what a domain of
 * somebody else means is not known.
 */
function restoredDomains(target: TableState, newest: TableState): DomainMetadata[] {
  const domains: DomainMetadata[] = [];
  for (const domain of restoredDomainNames) {
    const [then, now] = [target.domainMetadata.get(domain), newest.domainMetadata.get(domain)];
    if (then !== undefined && then.configuration !== now?.configuration) domains.push(then);
    if (then === undefined && now !== undefined) domains.push({ ...now, removed: true });
  }
  return domains;
}
