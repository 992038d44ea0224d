import { describe, expect, test } from "bun:test";
import type { Action } from "../../../src/delta/log/actions.ts";
import { type ConflictReason, findConflict } from "../../../src/delta/log/conflict-checker.ts";
import { rowTrackingDomain } from "../../../src/delta/log/row-ids.ts";
import type { ReadSet, TransactionDraft } from "../../../src/delta/log/transaction.ts";
import { addFile, appendDraft, creationDraft, removeFile } from "../../support/delta-table.ts";

const uri = "s3://bucket/t";
const { metadata, protocol } = creationDraft("x");
const domain = (name: string): Action => ({
  kind: "domainMetadata",
  domainMetadata: { domain: name, configuration: "{}", removed: false },
});
const domainOf = (name: string) => ({ domain: name, configuration: "{}", removed: false });
const add = (path: string, more = {}): Action => ({ kind: "add", add: addFile(path, more) });
// Another spelling of `a b`, which drafts read or remove.
const removeOurs: Action = { kind: "remove", remove: removeFile("s3://bucket/t/a%20b") };
const removeElse: Action = { kind: "remove", remove: removeFile("else") };
const txn = (appId: string): Action => ({ kind: "txn", txn: { appId, version: 1n } });
const info = (isBlindAppend: boolean): Action => ({
  kind: "commitInfo",
  commitInfo: { operation: "WRITE", isBlindAppend, txnId: "theirs" },
});
const still = (action: Action): Action => {
  switch (action.kind) {
    case "add":
      return { kind: "add", add: { ...action.add, dataChange: false } };
    case "remove":
      return { kind: "remove", remove: { ...action.remove, dataChange: false } };
    default:
      return action;
  }
};
const metaData: Action = { kind: "metaData", metaData: metadata! };
const vector = { storageType: "i", pathOrInlineDv: "x", sizeInBytes: 1, cardinality: 1n };
const rowTracked = {
  kind: "metaData",
  metaData: {
    ...metadata!,
    configuration: { ...metadata!.configuration, "delta.enableRowTracking": "true" },
  },
} as const satisfies Action;

/** What a winner did; the letter names its column below. */
const winners = {
  a: ["appended blindly", [info(true), add("theirs")]],
  b: ["appended after reading", [info(false), add("theirs")]],
  c: ["optimized our file", [info(false), still(removeOurs), still(add("theirs"))]],
  d: ["optimized another file", [info(false), still(removeElse), still(add("theirs"))]],
  e: ["deleted our file", [info(false), removeOurs]],
  f: ["deleted another file", [info(false), removeElse]],
  g: ["put a deletion vector on our file", [
    info(false),
    removeOurs,
    add("a%20b", { deletionVector: vector }),
  ]],
  h: ["changed rows, with change files", [
    info(false),
    removeElse,
    add("theirs"),
    {
      kind: "cdc",
      cdc: { path: "_change_data/x", partitionValues: {}, size: 1, dataChange: false },
    },
  ]],
  i: ["changed the metadata", [info(false), metaData]],
  j: ["switched row tracking on", [info(false), rowTracked]],
  k: ["changed the protocol", [info(false), { kind: "protocol", protocol: protocol! }]],
  l: ["moved our txn", [info(true), txn("app"), add("theirs")]],
  m: ["moved another txn", [info(true), txn("other")]],
  n: ["changed our domain", [info(false), domain("d")]],
  o: ["changed another domain", [info(false), domain("e")]],
  p: ["appended and gave row ids", [info(true), domain(rowTrackingDomain), add("theirs")]],
  q: ["told of a vacuum", [info(true)]],
  r: ["restored a version", [info(false), removeOurs, add("theirs"), metaData]],
} as const satisfies Readonly<Record<string, readonly [string, readonly Action[]]>>;

type WinnerKind = keyof typeof winners;

const wholeTable: ReadSet = { kind: "whole-table" };
const readFiles: ReadSet = { kind: "files", paths: new Set(["a%20b"]) };
const removes = [removeFile("a%20b")];
const nothing = { ...appendDraft("ours"), adds: [] };

/** What we are about to do. `files`: nothing that a winner adds can match what was looked for. */
const drafts = {
  "append": appendDraft("ours"),
  "append with a txn": appendDraft("ours", 2n),
  "append that depends on a txn": { ...appendDraft("ours"), readAppIds: ["app"] },
  "append with a domain": { ...appendDraft("ours"), domainMetadata: [domainOf("d")] },
  "append to a table that tracks rows": {
    ...appendDraft("ours"),
    domainMetadata: [domainOf(rowTrackingDomain)],
  },
  "append after reading the table": { ...appendDraft("ours"), reads: wholeTable },
  "change of metadata": { ...nothing, dataChange: false, metadata: metadata! },
  "change of protocol": { ...nothing, dataChange: false, metadata: metadata!, protocol: protocol! },
  "wider types by rewriting": {
    ...appendDraft("ours"),
    reads: wholeTable,
    dataChange: false,
    metadata: metadata!,
    removes,
  },
  "optimize": { ...appendDraft("ours"), reads: readFiles, dataChange: false, removes },
  "optimize of all files": {
    ...appendDraft("ours"),
    reads: wholeTable,
    dataChange: false,
    removes,
  },
  "delete in read files": { ...appendDraft("ours"), reads: readFiles, removes },
  "delete of a file unread": { ...nothing, reads: { kind: "blind-append" }, removes },
  "delete after reading the table": { ...nothing, reads: wholeTable, removes },
  "restore": { ...appendDraft("ours"), reads: wholeTable, removes },
  "restore that rewinds a txn": { ...appendDraft("ours", 2n), reads: wholeTable, removes },
  "txn alone": { ...nothing, txns: [{ appId: "app", version: 2n }] },
  "word of a vacuum": { ...nothing, dataChange: false },
} as const satisfies Readonly<Record<string, TransactionDraft>>;

type DraftKind = keyof typeof drafts;

const reasons: Readonly<Record<string, ConflictReason | null>> = {
  ".": null,
  P: "protocol",
  M: "metadata",
  D: "domain",
  T: "txn",
  A: "append",
  R: "delete-read",
  X: "delete-delete",
};

/** One letter a winner, in order. Closed: a new draft does not compile without its line. */
const ours: Readonly<Record<DraftKind, string>> = {
  //                                    abcdefghijklmnopqr
  "append": "........MMP......M",
  "append with a txn": "........MMPT.....M",
  "append that depends on a txn": "........MMPT.....M",
  "append with a domain": "........MMP..D...M",
  "append to a table that tracks rows": "........MMP......M",
  "append after reading the table": "AAAARRAAMMPA...A.M",
  "change of metadata": "........MMP......M",
  "change of protocol": "........MMP......M",
  "wider types by rewriting": "AAAARRAAMMPA...A.M",
  "optimize": "..R.R.R.MMP......M",
  "optimize of all files": "..RRRRRRMMP......M",
  "delete in read files": "..R.R.R.MMP......M",
  "delete of a file unread": "..X.X.X.MMP......M",
  "delete after reading the table": "AAAARRAAMMPA...A.M",
  "restore": "AAAARRAAMMPA...A.M",
  "restore that rewinds a txn": "AAAARRAAMMPT...A.M",
  "txn alone": "........MMPT.....M",
  "word of a vacuum": "........MMP......M",
};

/**
 * The same by delta-spark's ConflictChecker, under its default isolation (Serializable; commits that
 * only rearrange files are checked under SnapshotIsolation).
 *
 * Ours is stricter in two columns. A winner's protocol (k): delta-spark adopts it unless we change
 * the protocol as well or the winner drops a feature or adds one that ends all that run. A winner
 * that only switches row tracking on (j): delta-spark adopts that unless we change the metadata as
 * well. We plan again in both, since what files have to hold may have changed.
 */
const sparks: Readonly<Record<DraftKind, string>> = {
  //                                    abcdefghijklmnopqr
  "append": "........M........M",
  "append with a txn": "........M..T.....M",
  "append that depends on a txn": "........M..T.....M",
  "append with a domain": "........M....D...M",
  "append to a table that tracks rows": "........M........M",
  "append after reading the table": "AAAARRAAM..A...A.M",
  "change of metadata": "........MM.......M",
  "change of protocol": "........MMP......M",
  "wider types by rewriting": "AAAARRAAMM.A...A.M",
  "optimize": "..R.R.R.M........M",
  "optimize of all files": "..RRRRRRM........M",
  "delete in read files": "..R.R.R.M........M",
  "delete of a file unread": "..X.X.X.M........M",
  "delete after reading the table": "AAAARRAAM..A...A.M",
  "restore": "AAAARRAAM..A...A.M",
  "restore that rewinds a txn": "AAAARRAAM..T...A.M",
  "txn alone": "........M..T.....M",
  "word of a vacuum": "........M........M",
};

const columns = Object.keys(winners) as WinnerKind[];

describe("the table of conflicts, ours × theirs", () => {
  for (const [kind, row] of Object.entries(ours) as [DraftKind, string][]) {
    test(kind, () => {
      const found = columns.map((column) => {
        const reason = findConflict(drafts[kind], winners[column][1], uri);
        return Object.entries(reasons).find(([, one]) => one === reason)?.[0];
      });
      expect(found.join("")).toBe(row);
    });
  }

  test("has a cell for each pair", () => {
    for (const table of [ours, sparks]) {
      expect(Object.keys(table)).toEqual(Object.keys(drafts));
      for (const row of Object.values(table)) expect(row).toHaveLength(columns.length);
    }
  });

  test("lets nothing follow that delta-spark does not, and is stricter where that is said", () => {
    const stricter = new Set<string>();
    for (const kind of Object.keys(ours) as DraftKind[]) {
      columns.forEach((column, at) => {
        const [mine, theirs] = [ours[kind][at], sparks[kind][at]];
        if (mine === theirs) return;
        expect([kind, column, theirs]).toEqual([kind, column, "."]);
        stricter.add(winners[column][0]);
      });
    }
    expect([...stricter].sort()).toEqual(["changed the protocol", "switched row tracking on"]);
  });

  test("the first of several reasons is given", () => {
    const all = columns.flatMap((column) => [...winners[column][1]]);
    expect(findConflict(drafts["restore that rewinds a txn"], all, uri)).toBe("protocol");
  });
});
