import { describe, expect, test } from "bun:test";
import { parseAction, parseCommit, serializeAction } from "../../../src/delta/log/action-json.ts";
import { commitKey } from "../../../src/delta/log/log-path.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { removalOf } from "../../../src/delta/operations/rewrite-file.ts";
import { restore } from "../../../src/delta/operations/restore.ts";
import { schemaFromJson, schemaToJson } from "../../../src/delta/schema/schema-json.ts";
import {
  addFile,
  appendDraft,
  mustCommit,
  newTable,
  signal,
  testEngine,
} from "../../support/delta-table.ts";

const extras =
  `"future":{"n":1.0,"big":9223372036854775807,"e":1e3,"list":[-0,null,"é"],"__x":{}},"none":null`;

/** A known action with members that no protocol has yet. */
const lines: Readonly<Record<string, string>> = {
  add: `{"add":{"path":"a","partitionValues":{},"size":1,"modificationTime":1,` +
    `"dataChange":true,${extras}}}`,
  "an add with a deletion vector": `{"add":{"path":"a","partitionValues":{},"size":1,` +
    `"modificationTime":1,"dataChange":true,"deletionVector":{"storageType":"u",` +
    `"pathOrInlineDv":"x","offset":1,"sizeInBytes":1,"cardinality":1,"maxRowIndex":7.0}}}`,
  metaData: `{"metaData":{"id":"i","format":{"provider":"parquet","options":{},"x":1.50},` +
    `"schemaString":"s","partitionColumns":[],"configuration":{},${extras}}}`,
  protocol: `{"protocol":{"minReaderVersion":1,"minWriterVersion":2,${extras}}}`,
};

describe("members that we do not know", () => {
  for (const [what, line] of Object.entries(lines)) {
    test(`of ${what} come out as they came in`, () => {
      const action = parseAction(line);
      expect(action === null ? null : serializeAction(action)).toBe(line);
    });
  }

  test("of a schema's fields as well", () => {
    const text = `{"type":"struct","fields":[{"name":"a","type":{"type":"array","elementType":` +
      `{"type":"struct","fields":[{"name":"b","type":"long","nullable":true,` +
      `"metadata":{"k":1.0},"future":2.0}]},"containsNull":true},"nullable":false,` +
      `"metadata":{"x":{"y":1e2}},"other":[1.0,"t"]}]}`;
    expect(schemaToJson(schemaFromJson(text))).toBe(text);
  });

  test("of a file that a restore brings back", async () => {
    const engine = testEngine();
    const base = await newTable(engine);
    await engine.store.put("a", [new Uint8Array(1)], { signal });
    await engine.store.put("first", [new Uint8Array(1)], { signal });
    const info = `{"commitInfo":{"txnId":"x"}}`;
    const bytes = new TextEncoder().encode(`${info}\n${lines["add"]}\n`);
    await engine.store.put(commitKey(1), [bytes], { signal });
    const { files, ...state } = await loadSnapshot(engine, { signal });
    const gone = files.find((file) => file.path === "a")!;
    await mustCommit(engine, state, {
      ...appendDraft("b"),
      adds: [addFile("b")],
      removes: [removalOf(gone, 1)],
      reads: { kind: "whole-table" },
    });
    await restore(engine, { at: { kind: "version", version: 1 }, signal });
    const restored = new TextDecoder().decode(await engine.store.get(commitKey(3), { signal }));
    expect(restored.split("\n")).toContain(lines["add"]!);
    expect(parseCommit(bytes, { source: "x" })).toHaveLength(2);
    expect(base.version).toBe(0);
  });
});
