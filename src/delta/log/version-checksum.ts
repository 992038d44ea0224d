import { CdcDeltaError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import { type LosslessInput, parseLossless, stringifyLossless } from "../schema/lossless-json.ts";
import { type ActionObject, asActionObject } from "./action-fields.ts";
import { readDomainMetadata, readMetadata, readProtocol, readTransaction } from "./action-parts.ts";
import type { DomainMetadata, Metadata, Protocol, SetTransaction } from "./actions.ts";
import { inCommitTimestampMs } from "./commit-timestamps.ts";
import { hasInCommitTimestamps } from "./in-commit-timestamp.ts";
import { checksumKey } from "./log-path.ts";
import { getIfThere } from "./log-reader.ts";
import { protocolFeatures } from "./table-features.ts";
import type { TableState } from "./table-state.ts";

/** What a version's `.crc` says of it (PROTOCOL.md, "Version Checksum File"). */
export type VersionChecksum = {
  readonly tableSizeBytes: number;
  readonly numFiles: number;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  /** Absent: it does not say. */
  readonly txnId?: string;
  readonly transactions?: readonly SetTransaction[];
  readonly domainMetadata?: readonly DomainMetadata[];
  readonly numDeletionVectors?: number;
  readonly numDeletedRecords?: number;
};

/** Sums over the live files of a version. */
export type FileTotals = {
  readonly numFiles: number;
  readonly tableSizeBytes: number;
  readonly numDeletionVectors: number;
  readonly numDeletedRecords: number;
};

type CallOptions = { readonly signal: AbortSignal };

/**
 * A version's checksum file; null when there is none or it is malformed, which does not matter to
 * a reader of the log. Errors: the store's.
 */
export async function readVersionChecksum(
  engine: Engine,
  version: number,
  { signal }: CallOptions,
): Promise<VersionChecksum | null> {
  const bytes = await getIfThere(engine, checksumKey(version), { signal });
  return bytes === null ? null : parseVersionChecksum(new TextDecoder().decode(bytes));
}

/** The text of a checksum file; null when it is malformed. Pure. */
export function parseVersionChecksum(text: string): VersionChecksum | null {
  let json: ActionObject;
  try {
    json = asActionObject(parseLossless(text), "a checksum");
    if (json["numMetadata"] !== 1 || json["numProtocol"] !== 1) return null;
    const { tableSizeBytes, numFiles, txnId } = json;
    if (!isCount(tableSizeBytes) || !isCount(numFiles)) return null;
    const transactions = listOf(json["setTransactions"], readTransaction);
    const domainMetadata = listOf(json["domainMetadata"], readDomainMetadata);
    const numDeletionVectors = json["numDeletionVectorsOpt"];
    const numDeletedRecords = json["numDeletedRecordsOpt"];
    return {
      tableSizeBytes,
      numFiles,
      protocol: readProtocol(asActionObject(json["protocol"], "protocol")),
      metadata: readMetadata(asActionObject(json["metadata"], "metadata")),
      ...(typeof txnId === "string" ? { txnId } : {}),
      ...(transactions === null ? {} : { transactions }),
      ...(domainMetadata === null ? {} : { domainMetadata }),
      ...(isCount(numDeletionVectors) ? { numDeletionVectors } : {}),
      ...(isCount(numDeletedRecords) ? { numDeletedRecords } : {}),
    };
  } catch (error) {
    const isMalformed = error instanceof SyntaxError ||
      (error instanceof CdcDeltaError && error.code === "log-corrupt");
    if (isMalformed) return null;
    throw error;
  }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function listOf<T>(value: unknown, read: (object: ActionObject) => T): T[] | null {
  if (!Array.isArray(value)) return null;
  return value.map((item) => read(asActionObject(item, "an action")));
}

/**
 * What a checksum says otherwise than the log does: names of its members, none when it is right.
 * What it leaves out is not compared. Pure.
 */
export function checksumMismatches(
  checksum: VersionChecksum,
  state: TableState,
  totals: FileTotals,
): string[] {
  const { transactions, domainMetadata, numDeletionVectors, numDeletedRecords } = checksum;
  const checks: readonly (readonly [member: string, isRight: boolean])[] = [
    ["numFiles", checksum.numFiles === totals.numFiles],
    ["tableSizeBytes", checksum.tableSizeBytes === totals.tableSizeBytes],
    ["numDeletionVectorsOpt", agrees(numDeletionVectors, totals.numDeletionVectors)],
    ["numDeletedRecordsOpt", agrees(numDeletedRecords, totals.numDeletedRecords)],
    ["protocol", same(sortedProtocol(checksum.protocol), sortedProtocol(state.protocol))],
    ["metadata", same(checksum.metadata, state.metadata)],
    [
      "setTransactions",
      transactions === undefined || same(
        byKey(transactions, (txn) => txn.appId),
        byKey([...state.transactions.values()], (txn) => txn.appId),
      ),
    ],
    [
      "domainMetadata",
      domainMetadata === undefined || same(
        byKey(domainMetadata, (one) => one.domain),
        byKey([...state.domainMetadata.values()], (one) => one.domain),
      ),
    ],
  ];
  return checks.filter(([, isRight]) => !isRight).map(([member]) => member);
}

function agrees(said: number | undefined, actual: number): boolean {
  return said === undefined || said === actual;
}

/** The order of features means nothing. */
function sortedProtocol(protocol: Protocol): Protocol {
  const { readerFeatures, writerFeatures } = protocol;
  return {
    ...protocol,
    ...(readerFeatures === undefined ? {} : { readerFeatures: readerFeatures.toSorted() }),
    ...(writerFeatures === undefined ? {} : { writerFeatures: writerFeatures.toSorted() }),
  };
}

function byKey<T>(list: readonly T[], key: (one: T) => string): T[] {
  return list.toSorted((a, b) => key(a) < key(b) ? -1 : 1);
}

/** Whatever the order of members; absent ones count as null. */
function same(a: LosslessInput, b: LosslessInput): boolean {
  return stringifyLossless(sorted(a)) === stringifyLossless(sorted(b));
}

function sorted(value: LosslessInput): LosslessInput {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return (value as readonly LosslessInput[]).map(sorted);
  const entries = Object.entries(value as { readonly [key: string]: LosslessInput })
    .filter(([, member]) => member !== undefined && member !== null)
    .map(([key, member]): [string, LosslessInput] => [key, sorted(member)]);
  return Object.fromEntries(entries.sort(([x], [y]) => (x < y ? -1 : 1)));
}

/** Longer lists are left out, as delta-spark does: the file is read at every load. */
const listedMax = 100;

/**
 * The checksum file of a version as text; null when it cannot be exact: a checksum repeats the
 * commit's own timestamp where the table has them. Pure.
 */
export function formatVersionChecksum(
  state: TableState,
  totals: FileTotals,
  inCommitTimestampMs: number | null = null,
): string | null {
  const timestamped = hasInCommitTimestamps(state);
  if (timestamped && inCommitTimestampMs === null) return null;
  const { protocol, metadata, commitId, properties } = state;
  const transactions = [...state.transactions.values()];
  const domains = [...state.domainMetadata.values()];
  const hasVectors = protocolFeatures(protocol).includes("deletionVectors");
  return stringifyLossless({
    txnId: commitId ?? undefined,
    tableSizeBytes: totals.tableSizeBytes,
    numFiles: totals.numFiles,
    numDeletedRecordsOpt: hasVectors ? totals.numDeletedRecords : undefined,
    numDeletionVectorsOpt: hasVectors ? totals.numDeletionVectors : undefined,
    numMetadata: 1,
    numProtocol: 1,
    inCommitTimestampOpt: timestamped ? inCommitTimestampMs : undefined,
    // With a retention which of them still live depends on the clock.
    setTransactions: transactions.length > listedMax || properties.transactionRetentionMs !== null
      ? undefined
      : transactions,
    domainMetadata: domains.length > listedMax ? undefined : domains,
    metadata: metadata as LosslessInput,
    protocol: protocol as LosslessInput,
  });
}

/**
 * Writes a version's checksum file unless there is one; whether it did. A store that fails is no
 * failure: nobody needs the file. Rejects only when `signal` is aborted.
 */
export async function writeVersionChecksum(
  engine: Engine,
  state: TableState,
  totals: FileTotals,
  { signal }: CallOptions,
): Promise<boolean> {
  try {
    const timestampMs = hasInCommitTimestamps(state)
      ? await inCommitTimestampMs(engine, state.version, signal)
      : null;
    const text = formatVersionChecksum(state, totals, timestampMs);
    if (text === null) return false;
    const key = checksumKey(state.version);
    const put = await engine.store.putIfAbsent(key, new TextEncoder().encode(text), { signal });
    return put === "created";
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CdcDeltaError) return false;
    throw error;
  }
}
