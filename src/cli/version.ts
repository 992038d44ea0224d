import process from "node:process";
import { productVersion } from "../delta/log/engine-info.ts";

/** The commit the binary was built from, put in by the build; empty when run from sources. */
const buildCommit = process.env["CDCDELTA_BUILD_COMMIT"] ?? "";

/** What `--version` prints: `0.1.0`, in a binary `0.1.0 (commit)`. */
export const versionText = buildCommit === ""
  ? productVersion
  : `${productVersion} (${buildCommit})`;
