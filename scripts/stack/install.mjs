// What has to be there before a part can start, and how it gets there.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { cache, quietEnv } from "../lib/project.mjs";
import { parts } from "./parts.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));

/** What keeps these parts from starting at once: one line each, empty when they can. */
export function missingFor(names) {
  const lines = names.filter((name) => !isInstalled(name)).map((name) =>
    `${name} is not installed: node scripts/stack/stack.mjs install --only ${name} installs it`
  );
  return [...lines, ...missingTools(names)];
}

/** Installs what is missing; throws with what to install by hand. */
export function install(names) {
  const tools = missingTools(names);
  if (tools.length > 0) throw new Error(tools.join("\n"));
  // The installers keep what is there in the right version.
  for (const script of new Set(names.map((name) => parts[name].installer))) {
    const { status, signal } = spawnSync("bash", [path.join(here, script)], {
      env: quietEnv(),
      stdio: ["ignore", 2, 2],
    });
    if (status !== 0) {
      throw new Error(`scripts/stack/${script} failed (${signal ?? `exit code ${status}`})`);
    }
  }
}

function isInstalled(name) {
  return existsSync(path.join(cache, parts[name].installed));
}

/** Commands that starting these parts takes, and building those that are not installed. */
function missingTools(names) {
  const tools = names.flatMap((name) => [
    ...parts[name].runs,
    ...(isInstalled(name) ? [] : parts[name].builds),
  ]);
  const missing = tools.filter(({ command }) => !isOnPath(command));
  return [
    ...new Set(missing.map(({ command, install }) => `${command} is missing: install ${install}`)),
  ];
}

function isOnPath(command) {
  const folders = (process.env.PATH ?? "").split(path.delimiter);
  // Where Go's own packages put it, beside the path.
  if (command === "go") folders.push("/usr/local/go/bin");
  return folders.some((folder) => {
    try {
      accessSync(path.join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
