// The static half of the gate: format, lint, types. Used by `npm run check` and by `npm test`.
import { existsSync } from "node:fs";
import path from "node:path";
import { root, tool } from "./project.mjs";

/** Entry points of threads: the compiled binary must carry each, and Deno must accept each. */
export const workers = ["src/core/encode/encode-worker.ts"];
export const entryPoints = ["src/cli/main.ts", ...workers];

/** Steps as [name, command, arguments]. */
export function staticSteps() {
  const present = entryPoints.filter((file) => existsSync(path.join(root, file)));
  return [
    ["format (deno fmt)", tool("deno"), ["fmt", "--check", "--quiet"]],
    ["lint (oxlint, type-aware)", tool("oxlint"), ["--type-aware", "--deny-warnings"]],
    ["types (tsc, src)", tool("tsc"), ["-p", "."]],
    ["types (tsc, tests)", tool("tsc"), ["-p", "tests"]],
    ["types (deno check)", tool("deno"), ["check", "--quiet", ...present]],
  ];
}
