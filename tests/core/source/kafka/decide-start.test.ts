import { describe, expect, test } from "bun:test";
import { decideStart, type StartFacts } from "../../../../src/core/source/kafka/decide-start.ts";
import type { FloorMark } from "../../../../src/core/source/kafka/floor-mark.ts";

const mark = (changes: Partial<FloorMark> = {}): FloorMark => ({
  topicId: "id",
  nextOffset: 50n,
  partitions: 1,
  tables: [{ key: "shop.a", offset: 40n }],
  ...changes,
});

const facts = (changes: Partial<StartFacts> = {}): StartFacts => ({
  topic: "t",
  partition: 0,
  topicId: "id",
  committed: { offset: 50n, mark: mark() },
  watermarks: new Map([["shop.a", 40n]]),
  held: null,
  readFrom: null,
  appearedLater: false,
  recreated: false,
  autoOffsetReset: "latest",
  logStart: 10n,
  stableEnd: 90n,
  ...changes,
});

type Case = readonly [what: string, facts: Partial<StartFacts>, at: bigint, why: string];

const none = { committed: null };
const cases: readonly Case[] = [
  ["a valid floor", {}, 50n, "floor"],
  ["a floor at the end", { stableEnd: 50n }, 50n, "floor"],
  ["a floor at the start", { logStart: 50n }, 50n, "floor"],
  ["a cluster that has no ids any more", { topicId: "" }, 50n, "floor"],
  [
    "a mark from a cluster without ids",
    { committed: { offset: 50n, mark: mark({ topicId: "" }) } },
    50n,
    "floor",
  ],
  ["rows that a replay took out", { readFrom: 20n }, 20n, "replay"],
  ["rows taken out above the floor", { readFrom: 70n }, 50n, "floor"],
  ["a table further than noted", { watermarks: new Map([["shop.a", 99n]]) }, 50n, "floor"],
  [
    "rows that were taken out, the beginning gone",
    { ...none, held: { offset: -1n } },
    10n,
    "tables-without-floor",
  ],
  ["another topic of that name", { topicId: "new" }, 10n, "topic-recreated"],
  ["a table deleted", { watermarks: new Map([["shop.a", null]]) }, 10n, "table-changed"],
  ["a table restored", { watermarks: new Map([["shop.a", 39n]]) }, 10n, "table-changed"],
  ["an offset without a mark", { committed: { offset: 50n, mark: null } }, 10n, "foreign-reset"],
  ["an offset moved", { committed: { offset: 60n, mark: mark() } }, 10n, "foreign-reset"],
  [
    "an offset without a mark, no reset",
    { committed: { offset: 50n, mark: null }, autoOffsetReset: "none" },
    10n,
    "foreign-reset",
  ],
  [
    "an offset moved, tables with rows",
    { committed: { offset: 60n, mark: mark() }, held: { offset: 40n } },
    10n,
    "foreign-reset",
  ],
  ["no floor, tables with rows", { ...none, held: { offset: 40n } }, 10n, "tables-without-floor"],
  [
    "no floor, tables with rows of an earlier topic",
    { ...none, held: { offset: null } },
    10n,
    "topic-recreated",
  ],
  [
    "no floor, an earlier topic met in this run",
    { ...none, recreated: true },
    10n,
    "topic-recreated",
  ],
  ["no floor, found later", { ...none, appearedLater: true }, 10n, "appeared-later"],
  ["no floor, earliest", { ...none, autoOffsetReset: "earliest" }, 10n, "earliest"],
  ["no floor, latest", none, 90n, "latest"],
];

describe("where a partition starts", () => {
  for (const [what, changes, at, why] of cases) {
    test(what, () => {
      expect(decideStart(facts(changes))).toMatchObject({ kind: "start", at, why, loss: null });
    });
  }

  test("nothing known and no reset: refused", () => {
    expect(decideStart(facts({ ...none, autoOffsetReset: "none" }))).toEqual({ kind: "refuse" });
    const held = { ...none, autoOffsetReset: "none" as const, held: { offset: 40n } };
    expect(decideStart(facts(held))).toMatchObject({ at: 10n, why: "tables-without-floor" });
  });

  test("a floor that the log does not reach is a loss with numbers", () => {
    expect(decideStart(facts({ logStart: 57n }))).toMatchObject({
      at: 57n,
      why: "data-loss",
      loss: { cause: "removed", expected: 50n, available: 57n, lost: 7n },
    });
    expect(decideStart(facts({ stableEnd: 44n }))).toMatchObject({
      at: 10n,
      loss: { cause: "truncated", expected: 50n, available: 10n, lost: 6n },
    });
  });

  test("a gap behind the tables' watermark is a loss too", () => {
    const held = { ...none, held: { offset: 4n } };
    expect(decideStart(facts(held))).toMatchObject({
      at: 10n,
      loss: { cause: "removed", expected: 5n, available: 10n, lost: 5n },
    });
    expect(decideStart(facts({ ...held, logStart: 5n }))).toMatchObject({ loss: null });
  });

  test("a log that ends below the tables' watermark is not the one they were fed from", () => {
    const held = { ...none, held: { offset: 20n }, logStart: 0n };
    expect(decideStart(facts({ ...held, stableEnd: 21n }))).toMatchObject({ loss: null });
    expect(decideStart(facts({ ...held, stableEnd: 20n }))).toMatchObject({
      at: 0n,
      loss: { cause: "truncated", expected: 21n, available: 0n, lost: 1n },
    });
    const foreign = { committed: { offset: 50n, mark: null }, held: { offset: 20n } };
    expect(decideStart(facts({ ...foreign, logStart: 0n, stableEnd: 5n }))).toMatchObject({
      why: "foreign-reset",
      loss: { cause: "truncated", lost: 16n },
    });
  });
});
