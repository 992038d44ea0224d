import { describe, expect, test } from "bun:test";
import type { Action } from "../../../src/delta/log/actions.ts";
import { type ConflictReason, findConflict } from "../../../src/delta/log/conflict-checker.ts";
import type { ReadSet, TransactionDraft } from "../../../src/delta/log/transaction.ts";
import { addFile, appendDraft, creationDraft, removeFile } from "../../support/delta-table.ts";

const { metadata, protocol } = creationDraft("x");

type WinnerKind =
  | "add"
  | "remove-read"
  | "remove-other"
  | "txn-ours"
  | "txn-other"
  | "metaData"
  | "protocol"
  | "domain-ours"
  | "domain-other"
  | "commitInfo";

const winners: Readonly<Record<WinnerKind, Action>> = {
  "add": { kind: "add", add: addFile("theirs") },
  // Another spelling of `a b`, which the draft reads or removes.
  "remove-read": { kind: "remove", remove: removeFile("s3://bucket/t/a%20b") },
  "remove-other": { kind: "remove", remove: removeFile("else") },
  "txn-ours": { kind: "txn", txn: { appId: "app", version: 1n } },
  "txn-other": { kind: "txn", txn: { appId: "other", version: 1n } },
  "metaData": { kind: "metaData", metaData: metadata! },
  "protocol": { kind: "protocol", protocol: protocol! },
  "domain-ours": {
    kind: "domainMetadata",
    domainMetadata: { domain: "d", configuration: "", removed: false },
  },
  "domain-other": {
    kind: "domainMetadata",
    domainMetadata: { domain: "e", configuration: "", removed: false },
  },
  "commitInfo": { kind: "commitInfo", commitInfo: {} },
};

type DraftKind =
  | "append"
  | "append with txn and domain"
  | "rewrite of the whole table"
  | "schema change with rewrite"
  | "compaction"
  | "delete of read files";

const wholeTable: ReadSet = { kind: "whole-table" };
const readFiles: ReadSet = { kind: "files", paths: new Set(["a%20b"]) };
const drafts: Readonly<Record<DraftKind, TransactionDraft>> = {
  "append": appendDraft("ours"),
  "append with txn and domain": {
    ...appendDraft("ours", 2n),
    domainMetadata: [{ domain: "d", configuration: "", removed: false }],
  },
  "rewrite of the whole table": {
    ...appendDraft("ours"),
    reads: wholeTable,
    removes: [removeFile("a%20b")],
  },
  "schema change with rewrite": {
    ...appendDraft("ours"),
    reads: wholeTable,
    dataChange: false,
    metadata: metadata!,
    removes: [removeFile("a%20b")],
  },
  "compaction": {
    ...appendDraft("ours"),
    reads: readFiles,
    dataChange: false,
    removes: [removeFile("a%20b")],
  },
  "delete of read files": { ...appendDraft("x"), reads: readFiles, adds: [] },
};

type Verdicts = Readonly<Record<WinnerKind, ConflictReason | null>>;

const always = {
  "metaData": "metadata",
  "protocol": "protocol",
  "txn-other": null,
  "domain-other": null,
  "commitInfo": null,
} as const;

/** Closed: a new kind of draft or winner does not compile until its verdicts are here. */
const verdicts: Readonly<Record<DraftKind, Verdicts>> = {
  "append": {
    ...always,
    "add": null,
    "remove-read": null,
    "remove-other": null,
    "txn-ours": null,
    "domain-ours": null,
  },
  "append with txn and domain": {
    ...always,
    "add": null,
    "remove-read": null,
    "remove-other": null,
    "txn-ours": "txn",
    "domain-ours": "domain",
  },
  "rewrite of the whole table": {
    ...always,
    "add": "append",
    "remove-read": "delete-read",
    "remove-other": "delete-read",
    "txn-ours": null,
    "domain-ours": null,
  },
  "schema change with rewrite": {
    ...always,
    "add": "append",
    "remove-read": "delete-read",
    "remove-other": "delete-read",
    "txn-ours": null,
    "domain-ours": null,
  },
  "compaction": {
    ...always,
    "add": null,
    "remove-read": "delete-read",
    "remove-other": null,
    "txn-ours": null,
    "domain-ours": null,
  },
  "delete of read files": {
    ...always,
    "add": null,
    "remove-read": "delete-read",
    "remove-other": null,
    "txn-ours": null,
    "domain-ours": null,
  },
};

describe("findConflict", () => {
  for (const [ours, row] of Object.entries(verdicts) as [DraftKind, Verdicts][]) {
    for (const [theirs, verdict] of Object.entries(row) as [WinnerKind, string | null][]) {
      test(`${ours} after ${theirs}: ${verdict ?? "may follow"}`, () => {
        const reason = findConflict(drafts[ours], [winners[theirs]], "s3://bucket/t");
        expect(reason).toBe(verdict as ConflictReason | null);
      });
    }
  }

  test("a file that both remove conflicts though it was not read", () => {
    const draft = { ...drafts["compaction"], reads: { kind: "blind-append" } as const };
    expect(findConflict(draft, [winners["remove-read"]], "s3://bucket/t")).toBe("delete-delete");
  });

  test("compaction of a whole table does not mind new files, but lost ones", () => {
    const draft = { ...drafts["compaction"], reads: wholeTable };
    expect(findConflict(draft, [winners["add"]], "t")).toBeNull();
    expect(findConflict(draft, [winners["remove-other"]], "t")).toBe("delete-read");
  });

  test("the first of several reasons is given", () => {
    const all = Object.values(winners);
    expect(findConflict(drafts["append with txn and domain"], all, "t")).toBe("protocol");
  });
});
