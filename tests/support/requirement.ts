import process from "node:process";

const said = new Set<string>();

/**
 * Whether something that a test needs beyond Bun is there, for `describe.skipIf(!requirement(…))`.
 * A missing one is said once, with how to get it (`npm test` prints these lines at its end); with
 * `CDCDELTA_REQUIRE_ALL=1` (CI) it is an error instead, so that nothing is skipped unnoticed.
 */
export function requirement(present: boolean, missing: string): boolean {
  if (present) return true;
  if (process.env["CDCDELTA_REQUIRE_ALL"] === "1") {
    throw new Error(`CDCDELTA_REQUIRE_ALL=1, but ${missing}`);
  }
  return optional(present, missing);
}

/** Like `requirement`, for what CI cannot install either (the corpora beside the checkout). */
export function optional(present: boolean, missing: string): boolean {
  if (!present && !said.has(missing)) {
    said.add(missing);
    console.warn(`SKIP ${missing}`);
  }
  return present;
}
