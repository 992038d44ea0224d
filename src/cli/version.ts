import { productVersion } from "../delta/log/engine-info.ts";

declare global {
  // Names a property that the build replaces by a text; replacing needs the dot and the global.
  // oxlint-disable-next-line typescript/no-namespace
  namespace NodeJS {
    interface ProcessEnv {
      readonly CDCDELTA_BUILD_COMMIT?: string;
    }
  }
}

/** The commit the binary was built from; empty when run from sources. */
const buildCommit = process.env.CDCDELTA_BUILD_COMMIT ?? "";

/** What `--version` prints: `0.1.0`, in a binary `0.1.0 (commit)`. */
export const versionText = buildCommit === ""
  ? productVersion
  : `${productVersion} (${buildCommit})`;
