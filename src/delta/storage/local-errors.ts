import { CdcDeltaError, messageOf } from "../../errors.ts";

/** The system's error code (`ENOENT`, …) of anything that was thrown, or an empty string. */
export function systemCode(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}

/**
 * What a failed file system call means for the user. `doing` starts the message: "Cannot write
 * "x" in /lake". Errors that are already ours, and abort reasons, pass through.
 */
export function localError(error: unknown, doing: string, signal: AbortSignal): unknown {
  if (error instanceof CdcDeltaError) return error;
  if (signal.aborted && error === signal.reason) return error;
  const code = systemCode(error);
  const context = { system: code === "" ? "unknown" : code };
  const because = `${doing}: ${messageOf(error)}`;
  switch (code) {
    case "EACCES":
    case "EPERM":
      return new CdcDeltaError(
        "permission",
        `${because}. Give the user that runs cdcdelta read and write access to the folder`,
        { context, cause: error },
      );
    case "EROFS":
      return new CdcDeltaError(
        "permission",
        `${because}. The file system is mounted read-only; mount it writable or choose another path`,
        { context, cause: error },
      );
    case "ENOSPC":
    case "EDQUOT":
      return new CdcDeltaError(
        "store",
        `${doing}: the disk is full or the quota is used up (${code}). ` +
          `Free space or enlarge the volume, then start again; nothing partial is visible`,
        { context, cause: error },
      );
    case "ENOTDIR":
      return new CdcDeltaError(
        "store",
        `${because}. A folder on the way is a file; move it away or choose another path`,
        { context, cause: error },
      );
    case "ENAMETOOLONG":
      return new CdcDeltaError(
        "store",
        `${because}. A part of the key is longer than the file system allows; ` +
          `shorten the table path or the partition values`,
        { context, cause: error },
      );
    default:
      return new CdcDeltaError("store", `${because}. Check the path and the disk, then run again`, {
        context,
        cause: error,
        retryable: mayPass.has(code),
      });
  }
}

/** Whether it failed because the disk, or what one may take of it, is full. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof CdcDeltaError)) return false;
  return diskFull.has(systemCode(error.cause));
}

/**
 * What it means when a file that was just made cannot get a second name in its own folder: code
 * `store-unsafe` when the file system has no hard links; any other error is handed back.
 */
export function linkError(error: unknown, path: string): unknown {
  const code = systemCode(error);
  if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EXDEV"].includes(code)) return error;
  return new CdcDeltaError(
    "store-unsafe",
    `Cannot create "${path}" without the risk of replacing it: the file system has no hard links ` +
      `(${messageOf(error)}), and two writers could overwrite each other's commits. ` +
      `Put the table on a file system with hard links (ext4, xfs, btrfs, apfs, ntfs, nfs) or on S3`,
    { context: { path, system: code }, cause: error },
  );
}

const diskFull: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT"]);

/** Codes of conditions that pass by themselves: busy, interrupted, out of handles for a moment. */
const mayPass: ReadonlySet<string> = new Set([
  "EAGAIN",
  "EBUSY",
  "EINTR",
  "EMFILE",
  "ENFILE",
  "ENOMEM",
  "ESTALE",
  "ETIMEDOUT",
  "ETXTBSY",
]);
