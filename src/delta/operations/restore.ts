import { CdcDeltaError } from "../../errors.ts";
import { forEachParallel } from "../../parallel.ts";
import type { Engine } from "../engine.ts";
import type {
  AddFile,
  DomainMetadata,
  Protocol,
  RemoveFile,
  SetTransaction,
} from "../log/actions.ts";
import { commit } from "../log/committer.ts";
import { deletionVectorKey } from "../log/deletion-vector.ts";
import { fileKey, objectKeyOf } from "../log/file-key.ts";
import { loadSnapshot, type Snapshot, type SnapshotAt } from "../log/snapshot.ts";
import { protocolFeatures } from "../log/table-features.ts";
import type { TransactionDraft } from "../log/transaction.ts";
import { removalOf } from "./rewrite-file.ts";

/** What a restore changes, told before it is done. */
export type RestorePlan = {
  readonly target: Snapshot;
  /** The newest version, which the restore follows. */
  readonly newest: Snapshot;
  /** Files that come back. */
  readonly adds: readonly AddFile[];
  /** Files that leave the table. */
  readonly removes: readonly RemoveFile[];
  /** Schema, partitioning or properties become those of the target again. */
  readonly changesMetadata: boolean;
};

/**
 * Compares the newest version with an earlier one and makes sure that the files that would come back
 * are still there.
 *
 * Errors: as `loadSnapshot`; `not-found`, naming files, when vacuum deleted what the target needs;
 * `usage` when the target is the newest version.
 */
export async function planRestore(
  engine: Engine,
  options: { readonly at: SnapshotAt; readonly signal: AbortSignal },
): Promise<RestorePlan> {
  const { at, signal } = options;
  const { uri } = engine.store;
  const newest = await loadSnapshot(engine, { signal });
  const target = await loadSnapshot(engine, { at, signal });
  if (target.version === newest.version) {
    throw new CdcDeltaError(
      "usage",
      `Nothing to restore: version ${target.version} is the newest one of ${uri}`,
      { context: { table: uri, version: target.version } },
    );
  }
  const nowMs = engine.clock.nowMs();
  const [before, after] = [newest, target].map((one) =>
    new Set(one.files.map((file) => fileKey(file, uri)))
  );
  const adds = target.files.filter((file) => !before!.has(fileKey(file, uri)));
  const removes = newest.files.filter((file) => !after!.has(fileKey(file, uri)))
    .map((file) => removalOf(file, nowMs));
  await requireFiles(engine, adds, { version: target.version, signal });
  return {
    target,
    newest,
    adds,
    removes,
    changesMetadata: !sameMetadata(target, newest),
  };
}

const headsAtOnce = 16;
const namedMax = 5;

async function requireFiles(
  engine: Engine,
  adds: readonly AddFile[],
  { version, signal }: { readonly version: number; readonly signal: AbortSignal },
): Promise<void> {
  const { uri } = engine.store;
  const wanted = new Set(adds.flatMap((add) => {
    const vector = add.deletionVector;
    return [
      objectKeyOf(add.path, uri),
      vector === undefined ? null : deletionVectorKey(vector, uri),
    ]
      .filter((key) => key !== null);
  }));
  const missing: string[] = [];
  await forEachParallel([...wanted], headsAtOnce, async (key) => {
    if (await engine.store.head(key, { signal }) === null) missing.push(key);
  });
  if (missing.length === 0) return;
  const named = missing.sort().slice(0, namedMax).join(", ");
  const more = missing.length > namedMax ? ` and ${missing.length - namedMax} more` : "";
  throw new CdcDeltaError(
    "not-found",
    `Cannot restore ${uri} to version ${version}: ${missing.length} of its files are gone, ` +
      `deleted by a vacuum: ${named}${more}. Restore a newer version`,
    { context: { table: uri, version, missing: missing.length } },
  );
}

function sameMetadata({ metadata: a }: Snapshot, { metadata: b }: Snapshot): boolean {
  return a.schemaString === b.schemaString && a.name === b.name &&
    a.description === b.description &&
    JSON.stringify(a.partitionColumns) === JSON.stringify(b.partitionColumns) &&
    sortedText(a.configuration) === sortedText(b.configuration);
}

const sortedText = (values: Readonly<Record<string, string>>): string =>
  JSON.stringify(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));

export type RestoreOptions = {
  readonly at: SnapshotAt;
  readonly signal: AbortSignal;
  /** Transactions to set in the same commit; none: they stay, as Spark leaves them. */
  readonly txns?: readonly SetTransaction[];
};

/** Plans made after other writers got in between. */
const attemptsMax = 10;

/**
 * Makes an earlier version the newest again, in one commit: its files, schema and properties. The
 * protocol never goes back, and positions of streams stay where they are unless `txns` moves them.
 *
 * Errors: as `planRestore`; `conflict` when other writers keep getting in between.
 */
export async function restore(
  engine: Engine,
  options: RestoreOptions,
): Promise<RestorePlan & { readonly version: number }> {
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const plan = await planRestore(engine, options);
    const draft = restoreDraft(plan, options);
    const outcome = await commit(engine, plan.newest, draft, { signal: options.signal });
    if (outcome.kind === "committed") return { ...plan, version: outcome.state.version };
  }
  throw new CdcDeltaError(
    "conflict",
    `Cannot restore ${engine.store.uri}: other writers committed to it ${attemptsMax} times in a ` +
      "row meanwhile. Stop them, then try again; nothing was changed",
    { context: { table: engine.store.uri }, retryable: true },
  );
}

/** The commit of a restore, with the names that Spark gives it. Pure. */
export function restoreDraft(
  plan: RestorePlan,
  { at, txns }: Pick<RestoreOptions, "at" | "txns">,
): TransactionDraft {
  const { target, newest, adds, removes } = plan;
  const sizeOf = (files: readonly { readonly size?: number }[]): string =>
    String(files.reduce((sum, file) => sum + (file.size ?? 0), 0));
  const protocol = mergeProtocols(target.protocol, newest.protocol);
  return {
    operation: "RESTORE",
    operationParameters: {
      version: at.kind === "version" ? at.version : null,
      timestamp: at.kind === "timestamp" ? new Date(at.timestampMs).toISOString() : null,
    },
    operationMetrics: {
      tableSizeAfterRestore: sizeOf(target.files),
      numOfFilesAfterRestore: String(target.files.length),
      numRemovedFiles: String(removes.length),
      numRestoredFiles: String(adds.length),
      removedFilesSize: sizeOf(removes),
      restoredFilesSize: sizeOf(adds),
    },
    reads: { kind: "whole-table" },
    dataChange: true,
    adds,
    removes,
    ...(plan.changesMetadata ? { metadata: { ...target.metadata, id: newest.metadata.id } } : {}),
    ...(protocol === newest.protocol ? {} : { protocol }),
    ...(txns === undefined ? {} : { txns }),
    domainMetadata: restoredDomains(target, newest),
  };
}

/** At least what either of them asks for: what newer versions began to use may still be in files. */
function mergeProtocols(target: Protocol, newest: Protocol): Protocol {
  const minReaderVersion = Math.max(target.minReaderVersion, newest.minReaderVersion);
  const minWriterVersion = Math.max(target.minWriterVersion, newest.minWriterVersion);
  const readers = [...new Set([...target.readerFeatures ?? [], ...newest.readerFeatures ?? []])];
  const writers = [...new Set([...protocolFeatures(target), ...protocolFeatures(newest)])];
  const grows = minReaderVersion > newest.minReaderVersion ||
    minWriterVersion > newest.minWriterVersion ||
    readers.length > (newest.readerFeatures ?? []).length ||
    (minWriterVersion === 7 && writers.length > protocolFeatures(newest).length);
  if (!grows) return newest;
  return {
    minReaderVersion,
    minWriterVersion,
    ...(minReaderVersion === 3 ? { readerFeatures: readers.sort() } : {}),
    ...(minWriterVersion === 7 ? { writerFeatures: writers.sort() } : {}),
  };
}

function restoredDomains(target: Snapshot, newest: Snapshot): DomainMetadata[] {
  const changed = [...target.domainMetadata.values()].filter((domain) =>
    newest.domainMetadata.get(domain.domain)?.configuration !== domain.configuration
  );
  const gone = [...newest.domainMetadata.values()]
    .filter(({ domain }) => !target.domainMetadata.has(domain))
    .map((domain) => ({ ...domain, removed: true }));
  return [...changed, ...gone];
}
