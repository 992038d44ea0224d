import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { envNamesOf } from "../../src/cli/settings/setting.ts";
import { settingEntries } from "../../src/cli/settings/settings.ts";
import { output } from "../stack/stack-command.ts";
import { projectRoot } from "../support/project-root.ts";
import { optional } from "../support/requirement.ts";
import { binaryPath, isBinaryBuilt } from "../support/run-binary.ts";
import { readEnvFile } from "./compose-file.ts";

const file = path.join(projectRoot, "deploy", "cdcdelta.service");
const unit = readFileSync(file, "utf8");
const valuesOf = (key: string): string[] =>
  [...unit.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value = ""]) => value);

const systemd = optional(
  Bun.which("systemd-analyze") !== null,
  "systemd-analyze is not on this machine: the unit is read, not verified",
);

describe("cdcdelta.service", () => {
  test.each([
    ["DynamicUser", "yes"],
    ["ProtectSystem", "strict"],
    ["ProtectHome", "yes"],
    ["PrivateTmp", "yes"],
    ["NoNewPrivileges", "yes"],
    ["CapabilityBoundingSet", ""],
    ["SystemCallFilter", "@system-service"],
    // The JavaScript engine makes code at run time.
    ["MemoryDenyWriteExecute", "no"],
    ["Restart", "on-failure"],
    // Kafka or the store may be away for longer than any number of starts.
    ["StartLimitIntervalSec", "0"],
    ["RestartPreventExitStatus", String(exitCodes.usage)],
    ["KillSignal", "SIGTERM"],
    ["EnvironmentFile", "/etc/cdcdelta/cdcdelta.env"],
    ["ExecStart", "/usr/local/bin/cdcdelta run"],
  ])("%s=%s", (key, value) => {
    expect(valuesOf(key)).toEqual([value]);
  });

  test("the example of its environment holds settings only", () => {
    const names = settingEntries.flatMap(([key, each]) =>
      envNamesOf(key, each).map(({ name }) => name)
    );
    expect(Object.keys(readEnvFile("cdcdelta.env.example")).filter((name) => !names.includes(name)))
      .toEqual([]);
  });

  test("no value of the example loses its backslashes: systemd takes unquoted ones away", () => {
    const lines = readFileSync(path.join(projectRoot, "deploy", "cdcdelta.env.example"), "utf8")
      .split("\n").filter((line) => !line.startsWith("#") && line.includes("\\"));
    expect(lines.filter((line) => !/^[A-Z_]+='[^']*'$/.test(line))).toEqual([]);
    expect(lines).toContain(String.raw`KAFKA_TOPIC_PATTERN='cdc\..+\..+'`);
  });

  test.skipIf(!systemd || !isBinaryBuilt())("systemd finds nothing wrong with it", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-unit-"));
    try {
      const copy = path.join(folder, "cdcdelta.service");
      writeFileSync(copy, unit.replaceAll("/usr/local/bin/cdcdelta", binaryPath));
      const { status, stdout, stderr } = await output("systemd-analyze", ["verify", copy]);
      expect(stdout + stderr).toBe("");
      expect(status).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.skipIf(!systemd)("systemd rates it as hardly exposed", async () => {
    const args = ["security", "--offline=yes", "--threshold=20", "--no-pager", file];
    const { status, stdout } = await output("systemd-analyze", args);
    expect(stdout).toContain("Overall exposure level");
    expect(status).toBe(0);
  });
});
