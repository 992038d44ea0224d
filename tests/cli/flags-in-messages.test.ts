import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { projectRoot } from "../support/project-root.ts";

const read = (...parts: string[]): string => readFileSync(path.join(projectRoot, ...parts), "utf8");
const flagsOf = (text: string): string[] => text.match(/(?<![\w-])--[a-z][a-zA-Z0-9-]*\w/g) ?? [];

// Flags of other programs, and the parts that make ours.
const others = [
  "--compile",
  "--conf",
  "--expose-gc",
  "--flag",
  "--help",
  "--no",
  "--no-flag",
  "--replSet",
];

test("every flag that a text of the program or the README names is there", () => {
  const known = new Set([...flagsOf(read("docs", "cli.md")), ...others]);
  const files = readdirSync(path.join(projectRoot, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"));
  const unknown = files.flatMap((name) =>
    flagsOf(read("src", name)).filter((flag) => !known.has(flag)).map((flag) => `${name}: ${flag}`)
  );
  expect(files.length).toBeGreaterThan(100);
  expect(unknown).toEqual([]);
  // A toggle takes no value.
  const toggles = [...known].filter((flag) => known.has(flag.replace("--", "--no-")));
  const valued = ["README.md", ...files.map((name) => path.join("src", name))].filter((name) =>
    toggles.some((flag) => new RegExp(`${flag} (?:true|false)`).test(read(name)))
  );
  expect(toggles).toContain("--kafka-fail-on-data-loss");
  expect(valued).toEqual([]);
});
