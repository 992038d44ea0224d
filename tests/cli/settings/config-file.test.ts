import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { exampleFile } from "../../../scripts/gen-docs.ts";
import {
  type ConfigFile,
  parseConfigFile,
  readConfigFile,
} from "../../../src/cli/settings/config-file.ts";

function parse(content: string, env: Readonly<Record<string, string>> = {}): ConfigFile {
  return parseConfigFile(content, { path: "c.yaml", env });
}

function places(content: string, env: Readonly<Record<string, string>> = {}): string[] {
  return parse(content, env).problems.map(({ place, message }) => `${place}: ${message}`);
}

describe("parseConfigFile()", () => {
  test("reads YAML with types and places", () => {
    const file = parse("flushRows: 5\n\nflushInterval: 2m\npartitionBy: [a, b]\n");
    expect(file.problems).toEqual([]);
    expect(Object.fromEntries(file.values)).toEqual({
      flushRows: { value: 5, place: "c.yaml:1 flushRows" },
      flushInterval: { value: 120_000, place: "c.yaml:3 flushInterval" },
      partitionBy: { value: ["a", "b"], place: "c.yaml:4 partitionBy" },
    });
  });

  test.each([
    ["at the top", "flushRows: 5\n__proto__: {depthMax: 3}\n", ":2"],
    ["quoted", '"__proto__": 1\n', ":1"],
    ["in a map", "properties:\n  delta.appendOnly: 'true'\n  __proto__: x\n", ":3"],
    ["as a collection", "collections:\n  __proto__: {depthMax: 3}\n", ":2"],
    ["of a collection", "collections:\n  a.b:\n    __proto__: {depthMax: 3}\n", ":3"],
    ["in JSON", '{"__proto__": {"flushRows": 5}}', ":1"],
  ])("__proto__ is no setting: %s", (_name, content, line) => {
    expect(places(content)).toEqual([
      `c.yaml${line} __proto__: no such setting, and no name that can be set`,
    ]);
  });

  test("reads JSON", () => {
    const file = parse('{\n\t"flushRows": 5,\n\t"collections": {"a\\\\.b": {"depthMax": 3}}\n}');
    expect(file.problems).toEqual([]);
    expect(file.values.get("flushRows")?.value).toBe(5);
    expect(file.collections).toEqual([{ pattern: "a\\.b", values: { depthMax: 3 } }]);
  });

  test("keeps the order of collections, which decides who wins", () => {
    const { collections } = parse("collections:\n  z.*: {depthMax: 1}\n  a.*: {depthMax: 2}\n");
    expect(collections.map(({ pattern }) => pattern)).toEqual(["z.*", "a.*"]);
  });

  test("takes an empty file and empty values as not set", () => {
    expect([...parse("").values.keys()]).toEqual([]);
    expect([...parse("flushRows:\nsource: ~\ncollections:\n").values.keys()]).toEqual([]);
  });

  test("reads the example of the documentation", () => {
    const file = parse(exampleFile, { MINIO_PASSWORD: "x" });
    expect(file.problems).toEqual([]);
    expect(file.collections.map(({ pattern }) => pattern)).toEqual(["shop\\.orders", "audit\\..*"]);
    expect(file.values.get("s3AccessKeyId")?.value).toBe("minioadmin");
  });

  test("tells all problems at once, each with its line", () => {
    const content = [
      "flushRow: 1", // misspelt
      "flushRows: many",
      "flushInterval: 20",
      "workers: -3",
      "collections:",
      "  'shop(': {partitionBy: none}",
      "  shop.orders:",
      "    propertes: {}",
      "    flushRows: 3",
      "    columnTypes: {price: money}",
    ].join("\n");
    const found = places(content).map((line) => line.replace(/(expression): .*/, "$1"));
    expect(found.toSorted()).toEqual([
      'c.yaml:10 collections."shop.orders".columnTypes: type of column "price": "money" is not a' +
      " column type",
      "c.yaml:1 flushRow: no such setting",
      'c.yaml:2 flushRows: "many" is not a whole number',
      "c.yaml:3 flushInterval: 20 has no unit (ms, s, m, h or d)",
      "c.yaml:4 workers: -3 is out of range",
      'c.yaml:6 collections."shop(": the pattern is not a regular expression',
      'c.yaml:8 collections."shop.orders".propertes: no such setting for a collection',
      'c.yaml:9 collections."shop.orders".flushRows: no such setting for a collection',
    ].toSorted());
  });

  test("suggests the setting that was meant", () => {
    expect(parse("flushRow: 1").problems[0]?.fix).toBe("did you mean flushRows?");
    expect(parse("colections: {}").problems[0]?.fix).toBe("did you mean collections?");
  });

  test("tells syntax errors with their line", () => {
    const [problem] = parse("a: [1\nb: 2\n").problems;
    expect(problem?.place).toMatch(/^c\.yaml:\d$/);
    expect(parse("flushRows: 1\nflushRows: 2\n").problems[0]?.message).toContain("unique");
  });

  test.each(["- 1\n- 2\n", "just text", "42"])("refuses %p, which is no mapping", (content) => {
    expect(parse(content).problems.length).toBe(1);
  });

  test("does not show a secret that is not valid", () => {
    const { problems } = parse("s3SecretAccessKey: [hunter2]\n");
    expect(problems.length).toBe(1);
    expect(JSON.stringify(problems)).not.toContain("hunter2");
  });

  test("expands variables in texts", () => {
    const env = { NAME: "x", EMPTY: "", N: "7" };
    const value = (text: string): unknown =>
      parse(`sourceId: '${text}'\n`, env).values.get("sourceId")?.value;
    expect(value("${NAME}")).toBe("x");
    expect(value("a-${NAME}-b-${NAME}")).toBe("a-x-b-x");
    expect(value("${MISSING:-d}")).toBe("d");
    expect(value("${EMPTY:-d}")).toBe("d");
    expect(value("$$NAME costs $5")).toBe("$NAME costs $5");
    expect(parse("flushRows: ${N}\n", env).values.get("flushRows")?.value).toBe(7);
  });

  test("cannot be given structure by a variable", () => {
    const env = { V: "a\nflushRows: 1" };
    const file = parse("sourceId: ${V}\n", env);
    expect([...file.values.keys()]).toEqual(["sourceId"]);
  });

  test("reports variables that are not set or not written well", () => {
    expect(places("sourceId: ${NOPE}\nsource: a${1x}\nbasePath: ${open\n")).toEqual([
      "c.yaml:1 sourceId: the variable NOPE is not set",
      'c.yaml:2 source: "${1x}" is not a variable',
      'c.yaml:3 basePath: "${open" is not a variable',
    ]);
  });
});

test("readConfigFile() reports a file that cannot be read", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-"));
  try {
    const missing = path.join(folder, "none.yaml");
    expect(readConfigFile(missing, {}).problems[0]?.place).toBe(missing);
    expect(readConfigFile(folder, {}).problems.length).toBe(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
