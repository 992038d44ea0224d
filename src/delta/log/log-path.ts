/** Where a table keeps its log. */
export const logFolder = "_delta_log/";
/** The hint to the newest checkpoint. */
export const lastCheckpointKey = `${logFolder}_last_checkpoint`;

/** What the name of a file directly in `_delta_log/` says (PROTOCOL.md, "File Types"). */
export type LogFile =
  | { readonly kind: "commit"; readonly version: number }
  | { readonly kind: "checksum"; readonly version: number }
  | { readonly kind: "classic-checkpoint"; readonly version: number }
  | {
    readonly kind: "multi-part-checkpoint";
    readonly version: number;
    /** From 1. */
    readonly part: number;
    readonly parts: number;
  }
  | {
    readonly kind: "v2-checkpoint";
    readonly version: number;
    readonly form: "json" | "parquet";
  }
  | { readonly kind: "compaction"; readonly version: number; readonly endVersion: number };

const pattern = new RegExp(
  "^(\\d{20})\\.(?:(json)|(crc)|checkpoint\\.(?:(parquet)|(\\d{10})\\.(\\d{10})\\.parquet" +
    "|[0-9a-fA-F-]{36}\\.(json|parquet))|(\\d{20})\\.compacted\\.json)$",
);

/** Null for names that are not the log's own: side files of Hadoop, folders, temporary files. */
export function parseLogKey(key: string): LogFile | null {
  if (!key.startsWith(logFolder)) return null;
  const match = pattern.exec(key.slice(logFolder.length));
  if (match === null) return null;
  const version = Number(match[1]);
  if (!Number.isSafeInteger(version)) return null;
  if (match[2] !== undefined) return { kind: "commit", version };
  if (match[3] !== undefined) return { kind: "checksum", version };
  if (match[4] !== undefined) return { kind: "classic-checkpoint", version };
  if (match[7] !== undefined) {
    return { kind: "v2-checkpoint", version, form: match[7] === "json" ? "json" : "parquet" };
  }
  if (match[8] !== undefined) return { kind: "compaction", version, endVersion: Number(match[8]) };
  const part = Number(match[5]);
  const parts = Number(match[6]);
  if (part < 1 || part > parts) return null;
  return { kind: "multi-part-checkpoint", version, part, parts };
}

/** The 20 digits every log file of a version starts with. */
export function versionPrefix(version: number): string {
  return `${logFolder}${String(version).padStart(20, "0")}`;
}

/** The key of a version's commit. */
export function commitKey(version: number): string {
  return `${versionPrefix(version)}.json`;
}

/** The key of a version's checksum. */
export function checksumKey(version: number): string {
  return `${versionPrefix(version)}.crc`;
}

/** The key of a version's checkpoint in one file. */
export function classicCheckpointKey(version: number): string {
  return `${versionPrefix(version)}.checkpoint.parquet`;
}

/** The key of the top file of a V2 checkpoint, named by a UUID. */
export function v2CheckpointKey(version: number, uuid: string): string {
  return `${versionPrefix(version)}.checkpoint.${uuid}.parquet`;
}

/** Where the sidecars of V2 checkpoints lie. */
export const sidecarFolder = `${logFolder}_sidecars/`;

/** A key that sorts after everything that belongs to older versions, and before `version`'s files. */
export function startAfterForVersion(version: number): string {
  return versionPrefix(version);
}

/** True from the first key on that sorts after every file of a version. */
export function isPastVersions(key: string): boolean {
  return key > `${logFolder}:`;
}
