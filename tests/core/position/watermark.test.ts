import { describe, expect, test } from "bun:test";
import { checkAppId, watermarkAppId } from "../../../src/core/position/app-id.ts";
import {
  appIdsOf,
  mergePositions,
  refuseForeignPositions,
  rewoundOffset,
  rewoundPartitions,
  watermarksOf,
  watermarkTransactions,
} from "../../../src/core/position/watermark.ts";

const file = { topic: "a.ndjson", partition: 0, identity: "1111" };
const range = { ...file, firstOffset: 0n, lastOffset: 70n, lastRecordHash: 9n };

function transactions(...entries: readonly (readonly [string, bigint])[]) {
  return new Map(entries.map(([appId, version]) => [appId, { appId, version }]));
}

describe("watermarksOf()", () => {
  test("gives back what watermarkTransactions() wrote", () => {
    const written = watermarkTransactions("p", [range], 5);
    const held = new Map(written.map((txn) => [txn.appId, txn]));
    expect(watermarksOf(held, { pipelineId: "p", adopt: false })).toEqual([
      { ...file, offset: 70n, recordHash: 9n },
    ]);
    expect(written.every((txn) => txn.lastUpdated === 5)).toBe(true);
  });

  test("has none of a partition that was taken back to nothing", () => {
    const held = transactions([watermarkAppId("p", file), rewoundOffset]);
    const owner = { pipelineId: "p", adopt: false };
    expect(watermarksOf(held, owner)).toEqual([]);
    expect(rewoundPartitions(held, owner)).toMatchObject([file]);
    expect(rewoundPartitions(held, { pipelineId: "other", adopt: false })).toEqual([]);
    // It is still this pipeline's: a commit that follows depends on it.
    expect(appIdsOf(held, [file], owner)).toEqual([watermarkAppId("p", file)]);
  });

  test("keeps 64-bit offsets exact", () => {
    const held = transactions([watermarkAppId("p", file), 9223372036854775807n]);
    expect(watermarksOf(held, { pipelineId: "p", adopt: false })[0]!.offset)
      .toBe(9223372036854775807n);
  });

  test("passes over other pipelines unless they are adopted", () => {
    const held = transactions([watermarkAppId("other", file), 7n], ["spark", 3n]);
    expect(watermarksOf(held, { pipelineId: "p", adopt: false })).toEqual([]);
    expect(watermarksOf(held, { pipelineId: "p", adopt: true })[0]!.offset).toBe(7n);
  });

  test("takes the higher one of a renamed file", () => {
    const renamed = { ...file, topic: "b.ndjson" };
    const held = transactions(
      [watermarkAppId("p", file), 50n],
      [watermarkAppId("p", renamed), 70n],
      [checkAppId("p", renamed), 4n],
    );
    expect(watermarksOf(held, { pipelineId: "p", adopt: false })).toEqual([
      { ...renamed, offset: 70n, recordHash: 4n },
    ]);
  });
});

describe("mergePositions()", () => {
  test("keeps the first and the last offset of each partition", () => {
    const other = { ...range, partition: 1 };
    const later = { ...range, firstOffset: 71n, lastOffset: 90n, lastRecordHash: 3n };
    expect(mergePositions([[range, other], [later]])).toEqual([
      { ...later, firstOffset: 0n },
      other,
    ]);
  });
});

describe("refuseForeignPositions()", () => {
  const refuse = (
    held: ReturnType<typeof transactions>,
    changes: Partial<typeof file> & { adopt?: boolean; mayBeReplaced?: boolean } = {},
  ) => {
    const { adopt = false, mayBeReplaced = false, ...partition } = changes;
    return refuseForeignPositions({
      tableUri: "/t",
      transactions: held,
      partition: { ...file, ...partition },
      pipelineId: "p",
      adopt,
      mayBeReplaced,
    });
  };
  const ours = transactions([watermarkAppId("p", file), 1n]);
  const theirs = transactions([watermarkAppId("other", file), 1n]);

  test("takes a topic that was made anew, and says so", () => {
    const topic = { ...file, identity: "a".repeat(32), mayBeReplaced: true };
    const held = transactions([watermarkAppId("p", { ...file, identity: "b".repeat(32) }), 1n]);
    expect(refuse(held, topic)).toEqual({ replaced: true });
    expect(refuse(transactions(), topic)).toEqual({ replaced: false });
    expect(refuse(transactions([watermarkAppId("p", topic), 1n]), topic)).toEqual({
      replaced: false,
    });
    const nameless = transactions([watermarkAppId("p", { ...file, identity: "" }), 1n]);
    expect(() => refuse(nameless, topic)).toThrow("do not tell which topic it was");
  });

  test("takes a table without positions, with ours, and with ours under another name", () => {
    refuse(transactions());
    refuse(ours);
    refuse(ours, { topic: "renamed.ndjson" });
  });

  test("refuses a file whose first record is another one", () => {
    expect(() => refuse(ours, { identity: "2222" })).toThrow("was replaced");
  });

  test("refuses a topic that another pipeline feeds, unless it is adopted", () => {
    expect(() => refuse(theirs)).toThrow('pipeline "other" already feeds it');
    refuse(theirs, { adopt: true });
  });

  test("does not mind another topic or partition", () => {
    refuse(theirs, { topic: "b.ndjson", identity: "2222" });
    refuse(theirs, { partition: 4, identity: "2222" });
  });
});
