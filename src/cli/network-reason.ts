import { messageOf } from "../errors.ts";

/**
 * Why a request had no answer, for people: a system's code (`ECONNREFUSED`) where there is one, as
 * runtimes put words of little use around it.
 */
export function networkReason(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ("code" in at && typeof at.code === "string" && /^E[A-Z_]+$/.test(at.code)) return at.code;
  }
  return messageOf(error).replace(/\.$/, "");
}
