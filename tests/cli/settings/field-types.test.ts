import { describe, expect, test } from "bun:test";
import { fieldMasks, fieldRenames } from "../../../src/cli/settings/field-types.ts";
import { parseConfigFile } from "../../../src/cli/settings/config-file.ts";
import { deriveSettings } from "../../../src/cli/settings/derive-settings.ts";
import { resolveSettings } from "../../../src/cli/settings/resolve-settings.ts";

function read(type: ReturnType<typeof fieldMasks | typeof fieldRenames>, input: unknown): unknown {
  const result = type.schema.safeParse(input);
  return result.success ? result.data : result.error.issues[0]!.message;
}

describe("mask", () => {
  const cases: readonly (readonly [unknown, unknown])[] = [
    ["a=hash", { a: "hash" }],
    [["a=hash", "b.c=redact,d=none"], { a: "hash", "b.c": "redact", d: "none" }],
    [{ "a.b": "redact" }, { "a.b": "redact" }],
    [{ _id: "hash" }, { _id: "hash" }],
    ["a=md5", '"a" cannot be masked with md5'],
    ["a", '"a" is not name=value'],
    [{ a: 1 }, '"a" cannot be masked with 1'],
    [{ _id: "redact" }, '"_id" cannot be redacted: all documents would have one key'],
    ["_id.a=redact", '"_id.a" cannot be redacted: all documents would have one key'],
  ];
  for (const [input, expected] of cases) {
    test(JSON.stringify(input), () => expect(read(fieldMasks(), input)).toEqual(expected));
  }
});

describe("rename", () => {
  const cases: readonly (readonly [unknown, unknown])[] = [
    ["a=b", { a: "b" }],
    [["a=b", "c.d=c.e"], { a: "b", "c.d": "c.e" }],
    [{ a: "b", b: "a" }, { a: "b", b: "a" }],
    ["c.d=e", '"c.d" cannot become "e": a field keeps its place in the document'],
    ["a=c.a", '"a" cannot become "c.a": a field keeps its place in the document'],
    ["a=b c", '"b c" cannot be the name of a column'],
    ["a=", '"" cannot be the name of a column'],
    ["a=_CDC_key", '"_CDC_key" is a column of cdcdelta\'s own'],
    ["s.a=s._cdc_key", { "s.a": "s._cdc_key" }],
    [{ a: "x", b: "X" }, 'two fields are renamed to "X"'],
    [{ "s.a": "s.x", "t.a": "t.x" }, { "s.a": "s.x", "t.a": "t.x" }],
  ];
  for (const [input, expected] of cases) {
    test(JSON.stringify(input), () => expect(read(fieldRenames(), input)).toEqual(expected));
  }
});

function problemsOf(yaml: string): string[] {
  const file = parseConfigFile(yaml, { path: "c.yaml", env: {} });
  const { resolved, problems } = resolveSettings({ flags: new Map(), env: {}, file });
  const derived = deriveSettings(resolved, { cores: 2, memoryLimitBytes: 2 ** 33 });
  return [...problems, ...derived.problems].map(({ place, message }) => `${place}: ${message}`);
}

describe("settings of fields together", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["rename: {a: b}\nmask: {a: hash}\npartitionBy: [b]", []],
    ["rename: {a: b}\npartitionBy: [a]", ["c.yaml:2 partitionBy"]],
    ["rename: {a: b, c: a}\npartitionBy: [a]", []],
    ["mask: {a: hash}\ncolumnTypes: {a: long}", ["c.yaml:2 columnTypes"]],
    ["mask: {a: none}\ncolumnTypes: {a: long}", []],
    ["mask: {a: hash}\ncolumnTypes: {a: string}", []],
    ["rename: {a: x}\ncollections: {s: {rename: {b: X}}}", ['collections."s"']],
    ["mask: {a: hash}\ncollections: {s: {columnTypes: {a: date}}}", ['collections."s"']],
    ["mask: {a: hash}\ncollections: {s: {mask: {a: none}, columnTypes: {a: date}}}", []],
    ["partitionBy: [constructor]", []],
  ];
  for (const [yaml, places] of cases) {
    test(yaml.replaceAll("\n", " | "), () => {
      expect(problemsOf(yaml).map((text) => text.slice(0, text.indexOf(": ")))).toEqual(
        places as string[],
      );
    });
  }
});
