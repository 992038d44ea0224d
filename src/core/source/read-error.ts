import { CdcDeltaError, messageOf } from "../../errors.ts";

/**
 * The error for a system call on an input that failed: `not-found`, `permission` or `source`, with
 * the path and what to do about it.
 */
export function readError(path: string, error: unknown): CdcDeltaError {
  if (error instanceof CdcDeltaError) return error;
  const options = { cause: error, context: { path } };
  switch (systemCode(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return new CdcDeltaError(
        "not-found",
        `Cannot read "${path}": there is no such file or folder. Check the path after --source.`,
        options,
      );
    case "EACCES":
    case "EPERM":
      return new CdcDeltaError(
        "permission",
        `Cannot read "${path}": permission denied. Let the user that runs cdcdelta read it.`,
        options,
      );
    case "EMFILE":
    case "ENFILE":
      return new CdcDeltaError(
        "source",
        `Cannot read "${path}": too many open files. Raise the limit (ulimit -n).`,
        options,
      );
    default:
      return new CdcDeltaError("source", `Cannot read "${path}": ${messageOf(error)}`, options);
  }
}

/** True when the error says that the path is not there. */
export function isMissing(error: unknown): boolean {
  const code = systemCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

function systemCode(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}
