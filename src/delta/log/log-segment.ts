import { assert, CdcDeltaError } from "../../errors.ts";
import type { ObjectMeta } from "../storage/object-store.ts";
import { parseLogKey } from "./log-path.ts";
import { repairAdvice } from "./repair-advice.ts";

/** A commit's file. */
export type LogCommit = { readonly version: number; readonly meta: ObjectMeta };

/** A file with what the commits `version` to `endVersion` come to (PROTOCOL.md, "Log Compaction"). */
export type LogCompaction = {
  readonly version: number;
  readonly endVersion: number;
  readonly meta: ObjectMeta;
};

/** A file to replay: a commit, or a compaction in the place of several. */
export type LogPiece =
  | ({ readonly kind: "commit" } & LogCommit)
  | ({ readonly kind: "compaction" } & LogCompaction);

/**
 * A complete checkpoint: one file, or all parts in order. A V2 checkpoint names its sidecars in it; so
 * may one with a classic name.
 */
export type CheckpointFiles = {
  readonly version: number;
  readonly kind: "classic" | "multi-part" | "v2-json" | "v2-parquet";
  readonly files: readonly ObjectMeta[];
};

/**
 * The part of the log that makes up one version, and guarantees:
 *
 * 1. `commits` are contiguous and ascend; the last one is `version` (unless the checkpoint is).
 * 2. They start right after the checkpoint, or at 0 without one.
 * 3. The checkpoint is complete and not newer than `version`.
 * 4. `pieces` cover the same versions as `commits`, each once, in order.
 */
export type LogSegment = {
  readonly version: number;
  readonly checkpoint: CheckpointFiles | null;
  readonly commits: readonly LogCommit[];
  readonly pieces: readonly LogPiece[];
};

/** What a listing of `_delta_log/` holds, in the order of versions. */
export type LogListing = {
  readonly commits: readonly LogCommit[];
  /** Complete ones. */
  readonly checkpoints: readonly CheckpointFiles[];
  readonly compactions: readonly LogCompaction[];
};

/**
 * Versions whose commit file has no bytes, ascending: what a crash of some stores leaves behind. They
 * are read as commits that did nothing, as Spark does, since the versions after them stand; what
 * deletes files asks for them. Pure.
 */
export function emptyCommits(commits: readonly LogCommit[]): number[] {
  return commits.filter(({ meta }) => meta.size === 0).map(({ version }) => version);
}

/** Sorts out a listing; files that are not the log's own are left out. Pure. */
export function readListing(files: Iterable<ObjectMeta>): LogListing {
  const commits: LogCommit[] = [];
  const compactions: LogCompaction[] = [];
  const single: CheckpointFiles[] = [];
  const parts = new Map<
    string,
    { version: number; parts: number; files: Map<number, ObjectMeta> }
  >();
  for (const meta of files) {
    const file = parseLogKey(meta.key);
    if (file === null) continue;
    if (file.kind === "commit") commits.push({ version: file.version, meta });
    // An empty file is what a crashed writer leaves behind on some stores.
    if (file.kind === "classic-checkpoint" && meta.size > 0) {
      single.push({ version: file.version, kind: "classic", files: [meta] });
    }
    if (file.kind === "v2-checkpoint" && meta.size > 0) {
      single.push({ version: file.version, kind: `v2-${file.form}`, files: [meta] });
    }
    if (file.kind === "compaction" && meta.size > 0) {
      compactions.push({ version: file.version, endVersion: file.endVersion, meta });
    }
    if (file.kind === "multi-part-checkpoint") {
      const id = `${file.version}/${file.parts}`;
      const group = parts.get(id) ??
        { version: file.version, parts: file.parts, files: new Map<number, ObjectMeta>() };
      parts.set(id, group);
      group.files.set(file.part, meta);
    }
  }
  const multiPart: CheckpointFiles[] = [];
  for (const group of parts.values()) {
    if (group.files.size !== group.parts) continue;
    const ordered = [...group.files].sort(([a], [b]) => a - b).map(([, meta]) => meta);
    multiPart.push({ version: group.version, kind: "multi-part", files: ordered });
  }
  return {
    commits: commits.sort((a, b) => a.version - b.version),
    checkpoints: [...single, ...multiPart].sort((a, b) => a.version - b.version),
    compactions: compactions.sort((a, b) => a.version - b.version),
  };
}

export type SegmentRequest = {
  /** The table, for messages. */
  readonly uri: string;
  /** Default: the newest version of the listing. */
  readonly version?: number;
};

/**
 * The segment of a version. Pure. Throws `not-found` when there is no table or no such version
 * (naming the versions there are), `log-corrupt` for a log with holes.
 */
export function buildSegment(listing: LogListing, request: SegmentRequest): LogSegment {
  const newest = newestVersion(listing);
  if (newest === null) throw noTable(request.uri);
  const version = request.version ?? newest;
  if (version > newest) throw noVersion(request.uri, version, listing, newest);
  const checkpoint = listing.checkpoints.findLast((found) => found.version <= version) ?? null;
  const first = checkpoint === null ? 0 : checkpoint.version + 1;
  const commits = listing.commits.filter((commit) =>
    commit.version >= first && commit.version <= version
  );
  checkContiguous(commits, { first, version, listing, request, newest });
  const pieces = piecesOf(commits, listing.compactions);
  const segment = { version, checkpoint, commits, pieces };
  assertSegment(segment);
  return segment;
}

/**
 * The fewest files that stand for contiguous commits: a compaction counts where all of its commits
 * are among them, the longest one first.
 */
function piecesOf(
  commits: readonly LogCommit[],
  compactions: readonly LogCompaction[],
): LogPiece[] {
  const last = commits.at(-1)?.version ?? -1;
  const longest = new Map<number, LogCompaction>();
  for (const compaction of compactions) {
    const { version, endVersion } = compaction;
    const known = longest.get(version)?.endVersion ?? version;
    if (endVersion > known && endVersion <= last) longest.set(version, compaction);
  }
  const pieces: LogPiece[] = [];
  for (let i = 0; i < commits.length; i++) {
    const { version, meta } = commits[i]!;
    const compaction = longest.get(version);
    if (compaction === undefined) pieces.push({ kind: "commit", version, meta });
    else {
      pieces.push({ kind: "compaction", ...compaction });
      i += compaction.endVersion - version;
    }
  }
  return pieces;
}

/** The newest version a listing knows of; null when it is empty. */
export function newestVersion(listing: LogListing): number | null {
  const versions = [
    listing.commits.at(-1)?.version ?? -1,
    listing.checkpoints.at(-1)?.version ?? -1,
  ];
  const newest = Math.max(...versions);
  return newest < 0 ? null : newest;
}

/** The version from which on the log can be put together; null when there is none. */
export function earliestVersion(listing: LogListing): number | null {
  const checkpoint = listing.checkpoints[0]?.version ?? null;
  // Clean-up that was cut short may leave old commits behind that lead nowhere.
  const end = checkpoint ?? listing.commits.length - 1;
  let version = 0;
  while (version <= end && listing.commits[version]?.version === version) version += 1;
  return version > end && version > 0 ? 0 : checkpoint;
}

type Gap = {
  readonly first: number;
  readonly version: number;
  readonly listing: LogListing;
  readonly request: SegmentRequest;
  readonly newest: number;
};

function checkContiguous(commits: readonly LogCommit[], gap: Gap): void {
  const { first, version, listing, request, newest } = gap;
  const wanted = version - first + 1;
  let missing: number | null = null;
  for (let i = 0; i < wanted && missing === null; i++) {
    if (commits[i]?.version !== first + i) missing = first + i;
  }
  if (missing === null) return;
  const earliest = earliestVersion(listing);
  if (request.version !== undefined && (earliest === null || version < earliest)) {
    throw noVersion(request.uri, version, listing, newest);
  }
  const found = commits.find((commit) => commit.version > missing);
  throw new CdcDeltaError(
    "log-corrupt",
    `Cannot open version ${version} of the Delta table at ${request.uri}: versions are not ` +
      `contiguous: commit ${missing} is missing` +
      (found === undefined ? "" : `, the next one is ${found.version}`) +
      (gap.first === 0 ? " and there is no complete checkpoint to start from" : "") +
      `. ${repairAdvice}`,
    { context: { table: request.uri, missing } },
  );
}

function noTable(uri: string): CdcDeltaError {
  return new CdcDeltaError(
    "not-found",
    `There is no Delta table at ${uri}: "_delta_log" holds no commit. Check the path`,
    { context: { table: uri } },
  );
}

function noVersion(
  uri: string,
  version: number,
  listing: LogListing,
  newest: number,
): CdcDeltaError {
  const earliest = earliestVersion(listing);
  return new CdcDeltaError(
    "not-found",
    `Cannot open version ${version} of the Delta table at ${uri}: ` +
      (earliest === null
        ? "its log does not reach back that far"
        : `the versions there are range from ${earliest} to ${newest}`),
    { context: { table: uri, version, newest, earliest: earliest ?? -1 } },
  );
}

function assertSegment({ version, checkpoint, commits, pieces }: LogSegment): void {
  const first = checkpoint === null ? 0 : checkpoint.version + 1;
  commits.forEach((commit, i) => assert(commit.version === first + i, "commits are contiguous"));
  const last = commits.at(-1)?.version ?? checkpoint?.version;
  assert(last === version, "a segment ends at its version");
  assert(checkpoint === null || checkpoint.version <= version, "the checkpoint is not newer");
  const covered = pieces.reduce(
    (next, piece) => {
      assert(piece.version === next, "pieces are contiguous");
      return (piece.kind === "commit" ? piece.version : piece.endVersion) + 1;
    },
    first,
  );
  assert(covered === first + commits.length, "pieces cover the commits");
}
