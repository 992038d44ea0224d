import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import path from "node:path";
import { productVersion } from "../src/delta/log/engine-info.ts";
import { projectRoot } from "./support/project-root.ts";
import { parseSources, projectFiles, readProjectFile } from "./support/source-tree.ts";

const files = projectFiles();
const sources = await parseSources(files.filter((file) => /^src\/.*\.ts$/.test(file)));

/**
 * Which rooms a room may import, beside itself and the files at the root of src. Inside delta and
 * core the order is the one of docs/ARCHITECTURE.md.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  "cli": ["core", "delta"],
  "core/event": ["delta"],
  "core/decode": ["delta", "core/event"],
  "core/encode": ["delta", "core/event", "core/decode"],
  "core/position": ["delta", "core/event", "core/encode"],
  "core/kafka": ["core/event/crc32c.ts"],
  "core/source": ["delta", "core/event", "core/position", "core/kafka"],
  "core/pump": [
    "delta",
    "core/event",
    "core/decode",
    "core/encode",
    "core/position",
    "core/source",
  ],
  "core/replay": [
    "delta",
    "core/decode",
    "core/encode",
    "core/position",
    "core/kafka",
    "core/source",
  ],
  "core/compaction": ["delta", "core/encode", "core/pump", "core/source"],
  "core/connect": ["delta/clock.ts", "core/event", "core/kafka"],
  "delta/clock.ts": [],
  "delta/engine.ts": ["delta/clock.ts", "delta/storage"],
  "delta/storage": ["delta/clock.ts"],
  "delta/columns": ["delta/schema/data-type.ts"],
  "delta/schema": ["delta/columns"],
  "delta/parquet": ["delta/columns", "delta/schema"],
  "delta/log": [
    "delta/clock.ts",
    "delta/engine.ts",
    "delta/storage",
    "delta/columns",
    "delta/schema",
    "delta/parquet",
  ],
  "delta/operations": [
    "delta/clock.ts",
    "delta/engine.ts",
    "delta/storage",
    "delta/columns",
    "delta/schema",
    "delta/parquet",
    "delta/log",
  ],
};

/** `src/delta/log/actions.ts` → `delta/log`; files right below delta are rooms of their own. */
function roomOf(file: string): string {
  const [room = "", folder = ""] = file.replace(/^src\//, "").split("/");
  if (folder === "") return "";
  if (room === "cli") return "cli";
  return `${room}/${folder}`;
}

function isAllowed(from: string, target: string): boolean {
  const toRoom = roomOf(target);
  if (toRoom === "" || toRoom === from) return true;
  // Files that ship beside the binary and inside of it.
  if (from === "cli" && target.startsWith("deploy/")) return true;
  return (mayImport[from] ?? []).some((allowed) =>
    target === `src/${allowed}` || target.startsWith(`src/${allowed}/`)
  );
}

function localTargets(file: string, imports: readonly string[]): string[] {
  return imports.filter((name) => name.startsWith("."))
    .map((name) => path.posix.join(path.posix.dirname(file), name));
}

/** Fails with one line a finding. */
function expectNone(findings: readonly string[]): void {
  expect(findings).toEqual([]);
}

describe("rooms", () => {
  test("every folder of src has its place in the order of imports", () => {
    const rooms = new Set(sources.map(({ file }) => roomOf(file)).filter((room) => room !== ""));
    expectNone([...rooms].filter((room) => !(room in mayImport)));
  });

  test("imports go in one direction", () => {
    expectNone(sources.flatMap(({ file, imports }) => {
      const from = roomOf(file);
      const targets = localTargets(file, imports);
      if (from === "") {
        return targets.filter((target) => roomOf(target) !== "").map((t) => `${file} → ${t}`);
      }
      return targets.filter((target) => !isAllowed(from, target)).map((t) => `${file} → ${t}`);
    }));
  });

  test("imports form no cycle", () => {
    const graph = new Map(sources.map(({ file, imports }) => [file, localTargets(file, imports)]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, trail: readonly string[]): void => {
      const at = trail.indexOf(file);
      if (at !== -1) cycles.push([...trail.slice(at), file].join(" → "));
      if (at !== -1 || done.has(file)) return;
      for (const target of graph.get(file) ?? []) visit(target, [...trail, file]);
      done.add(file);
    };
    for (const { file } of sources) visit(file, []);
    expectNone(cycles);
  });

  test("imports name an existing file with its ending, and dependencies by node: or package", () => {
    const { dependencies } = packageJson();
    expectNone(sources.flatMap(({ file, imports }) =>
      imports.filter((name) => {
        if (name.startsWith(".")) {
          return !existsSync(path.join(projectRoot, path.posix.dirname(file), name));
        }
        return !name.startsWith("node:") && !(packageOf(name) in dependencies);
      }).map((name) => `${file} imports ${name}`)
    ));
  });
});

describe("size", () => {
  test("files have at most 400 lines", () => {
    expectNone(sources.filter(({ lines }) => lines > 400).map((s) => `${s.file}: ${s.lines}`));
  });

  test("functions have at most 70 lines, those of functions inside them not counted", () => {
    expectNone(
      sources.flatMap(({ file, functions }) =>
        functions.filter(({ ownLines }) => ownLines > 70)
          .map(({ name, line, ownLines }) => `${file}:${line} ${name}: ${ownLines}`)
      ),
    );
  });
});

describe("words", () => {
  const bannedInSource: readonly (readonly [RegExp, string])[] = [
    [/\b(?:Bun|Deno)\.[a-zA-Z]/, "Bun.* or Deno.*: use node:* or a Web API"],
    [/from "bun(?::|")/, "bun: import"],
    [/\brequire\(/, "require"],
    [/^export \*/, "barrel"],
    [/^(?:export )?(?:const )?enum\b/, "enum"],
  ];
  const bannedAnywhere: readonly (readonly [RegExp, string])[] = [
    [/@ts-(?:ignore|nocheck)/, "@ts-ignore"],
    [/\b(?:TODO|FIXME|XXX|HACK)\b/, "a note for later"],
    [/\b(?:test|describe|it)\.only\(/, "a focused test"],
  ];

  function findings(file: string, text: string, rules: typeof bannedInSource): string[] {
    return text.split("\n").flatMap((line, index) =>
      rules.filter(([pattern]) => pattern.test(line))
        .map(([, what]) => `${file}:${index + 1}: ${what}`)
    );
  }

  test("src has no banned words", () => {
    expectNone(sources.flatMap(({ file, text }) => findings(file, text, bannedInSource)));
  });

  test("no code has left-over marks", () => {
    const code = files.filter((file) => /^(?:src|scripts|tests)\/.*\.(?:ts|mjs|py|sh)$/.test(file));
    expectNone(
      code.filter((file) => file !== "tests/architecture.test.ts")
        .flatMap((file) => findings(file, readProjectFile(file), bannedAnywhere)),
    );
  });

  test("exported functions are documented, and exports have names", () => {
    expectNone(sources.flatMap(({ file, undocumentedExports, defaultExport }) => [
      ...undocumentedExports.map((name) => `${file}: ${name} has no doc comment`),
      ...(defaultExport ? [`${file}: default export`] : []),
    ]));
  });

  test("files are named in kebab case", () => {
    expectNone(sources.map(({ file }) => file).filter((file) => !/^[a-z0-9./-]+$/.test(file)));
  });
});

describe("project", () => {
  test("the top level holds the known entries only", () => {
    const known = [
      ".ci",
      ".gitignore",
      ".npmrc",
      ".oxlintrc.json",
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "deno.json",
      "deploy",
      "docs",
      "examples",
      "package-lock.json",
      "package.json",
      "scripts",
      "src",
      "tests",
      "tsconfig.json",
    ];
    const present = new Set(files.map((file) => file.split("/")[0] ?? ""));
    expectNone([...present].filter((entry) => !known.includes(entry)));
    const rooms = files.filter((file) => /^src\/.*\//.test(file));
    expectNone(rooms.filter((file) => !/^src\/(?:cli|core|delta)\//.test(file)));
  });

  test("dependencies are exact, used and explained", () => {
    const { dependencies, devDependencies } = packageJson();
    const explained = readProjectFile("docs/DEPENDENCIES.md");
    const all = Object.entries({ ...dependencies, ...devDependencies });
    expectNone(all.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)).map(([name]) => name));
    expectNone(all.map(([name]) => name).filter((name) => !explained.includes(`\`${name}\``)));
    const used = new Set(sources.flatMap(({ imports }) => imports.map(packageOf)));
    expectNone(Object.keys(dependencies).filter((name) => !used.has(name)));
  });

  test("the version written into tables is the one of package.json", () => {
    expect(productVersion).toBe(packageJson().version);
  });

  test("nothing tracked names a path of somebody's machine or a registry", () => {
    const text = files.filter((file) => !/\.(?:parquet|zst|gz|png)$/.test(file));
    const machine = /(?:^|[^A-Za-z0-9_.-])\/(?:work|farm|root|home\/\w+)\/[a-z.]/;
    expectNone(text.filter((file) => machine.test(readProjectFile(file))));
    expect(readProjectFile("package-lock.json")).not.toContain('"resolved"');
    expectNone(
      text.filter((file) => /(?:index-url|registry)\s*=\s*http/.test(readProjectFile(file))),
    );
  });

  test.if(existsSync(path.join(projectRoot, "docs/INVARIANTS.md")))(
    "every invariant names the test that enforces it",
    () => {
      const text = readProjectFile("docs/INVARIANTS.md");
      const named = [...text.matchAll(/tests\/[\w./-]+\.test\.ts/g)].map(([name]) => name);
      expectNone(named.filter((name) => !files.includes(name)));
      const invariants = text.split(/^(?=(?:#+ *|\| *|)\**I?-?\d+[.: |*])/m).slice(1);
      expect(invariants.length).toBeGreaterThan(0);
      expectNone(
        invariants.filter((one) => !/tests\/[\w./-]+\.test\.ts/.test(one))
          .map((one) => one.split("\n")[0] ?? ""),
      );
    },
  );
});

function packageJson(): {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
} {
  return JSON.parse(readProjectFile("package.json")) as ReturnType<typeof packageJson>;
}

/** `@scope/name/path` → `@scope/name`. */
function packageOf(specifier: string): string {
  return specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}
