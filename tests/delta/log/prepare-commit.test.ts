import { describe, expect, test } from "bun:test";
import { parseCommit } from "../../../src/delta/log/action-json.ts";
import { prepareCommit } from "../../../src/delta/log/prepare-commit.ts";
import type { TransactionDraft } from "../../../src/delta/log/transaction.ts";
import {
  addFile,
  appendDraft,
  creationDraft,
  newTable,
  removeFile,
  testEngine,
} from "../../support/delta-table.ts";

const options = { uri: "memory:", nowMs: 1_700_000_000_000, txnId: "t", previousTimestampMs: null };
const base = await newTable(testEngine());
const appendOnly = await newTable(testEngine(), { "delta.appendOnly": "true" });
const lines = (bytes: Uint8Array): string[] =>
  new TextDecoder().decode(bytes).trimEnd().split("\n");

describe("prepareCommit", () => {
  test("writes the actions of a new table in order", () => {
    const { version, bytes, actions } = prepareCommit(null, creationDraft("a"), options);
    expect(version).toBe(0);
    expect(actions.map((action) => action.kind)).toEqual([
      "commitInfo",
      "protocol",
      "metaData",
      "add",
    ]);
    expect(parseCommit(bytes, { source: "x" })).toEqual([...actions]);
    expect(lines(bytes)[1]).toBe(`{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}`);
    expect(lines(bytes)[0]).not.toContain("readVersion");
  });

  test("writes commitInfo with Spark's names, and lastUpdated into every txn", () => {
    const draft: TransactionDraft = {
      ...appendDraft("a", 5n),
      operationMetrics: { numAddedFiles: "1" },
    };
    const { version, bytes } = prepareCommit(base, draft, options);
    expect(version).toBe(1);
    expect(lines(bytes)).toEqual([
      `{"commitInfo":{"timestamp":1700000000000,"operation":"STREAMING UPDATE",` +
      `"operationParameters":{"outputMode":"Append"},"readVersion":0,` +
      `"isolationLevel":"Serializable","isBlindAppend":true,` +
      `"operationMetrics":{"numAddedFiles":"1"},"engineInfo":"cdcdelta/0.1.0","txnId":"t"}}`,
      `{"txn":{"appId":"app","version":5,"lastUpdated":1700000000000}}`,
      `{"add":{"path":"a","partitionValues":{},"size":1,"modificationTime":1,"dataChange":true}}`,
    ]);
  });

  test("puts the draft's dataChange on every file, and says how it is isolated", () => {
    const compaction: TransactionDraft = {
      ...appendDraft("a"),
      operation: "OPTIMIZE",
      reads: { kind: "files", paths: new Set(["first"]) },
      dataChange: false,
      removes: [removeFile("first")],
    };
    const { bytes } = prepareCommit(base, compaction, options);
    const [info, remove, add] = lines(bytes).map((line) => JSON.parse(line));
    expect(info.commitInfo).toMatchObject({
      isolationLevel: "SnapshotIsolation",
      isBlindAppend: false,
    });
    expect([remove.remove.dataChange, add.add.dataChange]).toEqual([false, false]);
  });

  const vector = { storageType: "i", pathOrInlineDv: "x", sizeInBytes: 1, cardinality: 1n };
  const refused: Readonly<Record<string, TransactionDraft>> = {
    "a file added twice": { ...appendDraft("a"), adds: [addFile("a"), addFile("a")] },
    "a file added twice by two spellings": {
      ...appendDraft("a"),
      adds: [addFile("a b"), addFile("a%20b")],
    },
    "a file added and removed": {
      ...appendDraft("a"),
      reads: { kind: "whole-table" },
      removes: [removeFile("a")],
    },
    "a file removed twice": {
      ...appendDraft("a"),
      removes: [removeFile("first"), removeFile("first")],
    },
    "a partition value that is not the table's": {
      ...appendDraft("a"),
      adds: [addFile("a", { partitionValues: { p: "1" } })],
    },
    "two transactions of one appId": {
      ...appendDraft("a"),
      txns: [{ appId: "x", version: 1n }, { appId: "x", version: 2n }],
    },
    "two entries of one domain": {
      ...appendDraft("a"),
      domainMetadata: [
        { domain: "d", configuration: "1", removed: false },
        { domain: "d", configuration: "2", removed: false },
      ],
    },
    "another table id": { ...appendDraft("a"), metadata: { ...base.metadata, id: "other" } },
    "a partition column that is not in the schema": {
      ...appendDraft("a"),
      adds: [],
      metadata: { ...base.metadata, partitionColumns: ["x"] },
    },
  };
  for (const [what, draft] of Object.entries(refused)) {
    test(`refuses ${what}`, () => {
      expect(() => prepareCommit(base, draft, options)).toThrow(
        expect.objectContaining({ code: "internal" }),
      );
    });
  }

  test("takes a file whose deletion vector changes: added and removed at once", () => {
    const draft: TransactionDraft = {
      ...appendDraft("x"),
      reads: { kind: "files", paths: new Set(["first"]) },
      adds: [addFile("first", { deletionVector: vector })],
      removes: [removeFile("first")],
    };
    expect(prepareCommit(base, draft, options).actions).toHaveLength(3);
  });

  test("a partition value is never the empty string", () => {
    const schema =
      `{"type":"struct","fields":[{"name":"p","type":"string"},{"name":"id","type":"long"}]}`;
    const metadata = { ...base.metadata, schemaString: schema, partitionColumns: ["p"] };
    const draft = (p: string | null): TransactionDraft => ({
      ...appendDraft("a"),
      metadata,
      adds: [addFile("a", { partitionValues: { p } })],
    });
    expect(() => prepareCommit(base, draft(""), options)).toThrow("no empty partition value");
    expect(lines(prepareCommit(base, draft(null), options).bytes).at(-1)).toContain(
      `"partitionValues":{"p":null}`,
    );
  });

  test("an append-only table keeps its rows, and may be rearranged", () => {
    const removal = (dataChange: boolean): TransactionDraft => ({
      ...appendDraft("a"),
      reads: { kind: "whole-table" },
      dataChange,
      removes: [removeFile("first")],
    });
    expect(() => prepareCommit(appendOnly, removal(true), options)).toThrow("delta.appendOnly");
    expect(prepareCommit(appendOnly, removal(false), options).version).toBe(1);
    expect(prepareCommit(base, removal(true), options).version).toBe(1);
  });

  test("rows of a table with a change data feed come and go, and do not change", () => {
    const configuration = { "delta.enableChangeDataFeed": "true" };
    const protocol = {
      minReaderVersion: 1,
      minWriterVersion: 7,
      writerFeatures: ["changeDataFeed"],
    };
    const feed = { ...base, protocol, metadata: { ...base.metadata, configuration } };
    const reads = { kind: "whole-table" } as const;
    const change = { ...appendDraft("a"), reads, removes: [removeFile("first")] };
    expect(() => prepareCommit(feed, change, options)).toThrow("changeDataFeed");
    const allowed: readonly TransactionDraft[] = [
      appendDraft("a"),
      { ...change, adds: [] },
      { ...change, dataChange: false },
      { ...change, intent: "remove" },
    ];
    for (const draft of allowed) expect(prepareCommit(feed, draft, options).version).toBe(1);
    const off = { ...feed, metadata: base.metadata };
    expect(prepareCommit(off, change, options).version).toBe(1);
  });

  test("refuses a table, or what a draft would make of it, that needs unknown features", () => {
    const protocol = { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ["liquid"] };
    expect(() => prepareCommit({ ...base, protocol }, appendDraft("a"), options)).toThrow("liquid");
    expect(() => prepareCommit(base, { ...appendDraft("a"), protocol }, options)).toThrow("liquid");
  });
});
