import { describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { output } from "../stack/stack-command.ts";
import { optional } from "../support/requirement.ts";
import { binaryPath, isBinaryBuilt } from "../support/run-binary.ts";
import { projectRoot } from "../support/project-root.ts";
import { readComposeFile } from "./compose-file.ts";

const namespaces = optional(
  Bun.which("unshare") !== null && (await output("unshare", ["-rm", "true"])).status === 0,
  "this system does not allow user namespaces (unshare -rm)",
);

type Instruction = { readonly word: string; readonly rest: string };

const instructions = parseDockerfile(
  readFileSync(path.join(projectRoot, "deploy", "Dockerfile"), "utf8"),
);
const stages = stagesOf(instructions);
const last = stages.at(-1) ?? [];
const argumentOf = (word: string): string =>
  last.filter((each) => each.word === word).at(-1)?.rest ?? "";

describe("the Dockerfile", () => {
  test("builds in one stage and runs in another, both of named versions", () => {
    expect(stages.map(([from]) => from?.rest)).toEqual([
      expect.stringMatching(/^node:\d+\.\d+\.\d+-\w+-slim AS build$/),
      expect.stringMatching(/^gcr\.io\/distroless\/cc-debian\d+:nonroot AS runtime$/),
    ]);
    const runtimeRuns = last.filter(({ word }) => word === "RUN");
    expect(runtimeRuns).toEqual([]);
  });

  test("runs as a user that is not root, given as a number", () => {
    expect(argumentOf("USER")).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(argumentOf("USER")).toBe(readComposeFile().services["cdcdelta"]?.user ?? "");
  });

  test("starts the binary itself, so that it gets the signals", () => {
    const binary = "/usr/local/bin/cdcdelta";
    expect(JSON.parse(argumentOf("ENTRYPOINT"))).toEqual([binary]);
    expect(JSON.parse(argumentOf("CMD"))).toEqual(["run"]);
    expect(argumentOf("EXPOSE")).toBe("8001");
    const check = /CMD (\[.*\])$/.exec(argumentOf("HEALTHCHECK"))?.[1] ?? "[]";
    expect(JSON.parse(check)).toEqual([binary, "health"]);
    const compose = readComposeFile().services["cdcdelta"]?.healthcheck?.test;
    expect(compose).toEqual(["CMD", binary, "health"]);
  });

  test("gives the build all that it needs", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-image-"));
    try {
      for (const { word, rest } of stages[0] ?? []) {
        const words = rest.split(" ");
        const target = words.pop() ?? "";
        if (word !== "COPY") continue;
        for (const file of words) {
          const to = target.endsWith("/") ? path.join(target, path.basename(file)) : target;
          cpSync(path.join(projectRoot, file), path.join(folder, to), { recursive: true });
        }
      }
      // `npm ci` would install it.
      symlinkSync(path.join(projectRoot, "node_modules"), path.join(folder, "node_modules"));
      const build = path.join(folder, "scripts", "build.mjs");
      const { status, stdout, stderr } = await output(Bun.which("node") ?? "node", [build]);
      expect({ status, text: stdout + stderr }).toMatchObject({ status: 0 });
      expect(existsSync(path.join(folder, "dist", "cdcdelta"))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 60_000);

  test("copies files that exist, and lets them through to the build", () => {
    const ignore = readFileSync(path.join(projectRoot, "deploy/Dockerfile.dockerignore"), "utf8");
    const allowed = ignore.split("\n").filter((line) => line.startsWith("!"))
      .map((line) => line.slice(1));
    const copied = instructions.filter(({ word, rest }) => word === "COPY" && !/--from=/.test(rest))
      .flatMap(({ rest }) => rest.split(" ").filter((part) => !part.startsWith("--")).slice(0, -1))
      .map((file) => file.replace(/\/$/, ""));
    const missing = copied.filter((file) => !existsSync(path.join(projectRoot, file)));
    expect(copied.length).toBeGreaterThan(4);
    expect(missing).toEqual([]);
    expect(copied.filter((file) => !allowed.includes(file))).toEqual([]);
    expect(allowed.filter((file) => !copied.includes(file))).toEqual([]);
    expect(new Set(allowed).size).toBe(allowed.length);
  });

  test.skipIf(!isBinaryBuilt() || !namespaces)(
    "the binary works on a root that nobody can write to",
    async () => {
      const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-root-"));
      const script = `mount -o remount,bind,ro / && mount -t tmpfs none "${folder}" && cd / &&` +
        ` ! touch /probe 2>/dev/null && printf %s "$EVENT" |` +
        ` "${binaryPath}" run --source - --source-id s --base-path "${folder}/lake" &&` +
        ` "${binaryPath}" inspect "${folder}/lake/shop/orders" --format json`;
      const { status, stdout, stderr } = await output("unshare", ["-rm", "sh", "-c", script], {
        TMPDIR: folder,
        EVENT: JSON.stringify({
          key: { id: "1" },
          value: {
            op: "c",
            after: '{"_id": 1}',
            source: { db: "shop", collection: "orders", ts_ms: 1 },
            ts_ms: 1,
          },
        }) + "\n",
      });
      rmSync(folder, { recursive: true });
      expect(stderr).not.toContain("Read-only");
      expect(status).toBe(0);
      expect(stdout).toContain('"numRecords": 1');
    },
  );
});

/** Instructions with their continued lines joined; comments left out. */
function parseDockerfile(text: string): Instruction[] {
  const lines = text.split("\n").filter((line) => !line.startsWith("#") && line.trim() !== "");
  const joined = lines.join("\n").replaceAll(/\\\n\s*/g, "").split("\n");
  return joined.map((line) => {
    const [, word = "", rest = ""] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (word === "") throw new Error(`not an instruction: ${line}`);
    return { word, rest: rest.trim() };
  });
}

function stagesOf(all: readonly Instruction[]): Instruction[][] {
  const stages: Instruction[][] = [];
  for (const each of all) {
    if (each.word === "FROM") stages.push([]);
    stages.at(-1)?.push(each);
  }
  return stages;
}
