import { describe, expect, test } from "bun:test";
import type { KafkaFacts, LogFacts } from "../../../src/core/replay/kafka-facts.ts";
import { lowerFloors } from "../../../src/core/replay/lower-floors.ts";
import type { TableReplay } from "../../../src/core/replay/replay-plan.ts";
import { encodeMark, parseMark } from "../../../src/core/source/kafka/floor-mark.ts";
import type { FloorTable } from "../../../src/core/position/floor-store.ts";

const topicId = "a".repeat(32);

function kafka(committed: LogFacts["committed"]): KafkaFacts {
  const log = { topic: "t", partition: 0, identity: topicId, logStart: 0n, stableEnd: 100n };
  return {
    topics: new Map([["t", { topicId, partitions: 3 }]]),
    logs: new Map([[`0 #${topicId}`, { ...log, committed }]]),
  };
}

const floor = (offset: bigint, tables: readonly FloorTable[] = [], id = topicId) => (
  {
    offset,
    mark: parseMark(encodeMark({ topicId: id, nextOffset: offset, partitions: 3, tables })),
  }
);

function replay(key: string | null, from: bigint, becomes: bigint | null): TableReplay {
  const place = { topic: "t", partition: 0, identity: topicId };
  return {
    key,
    uri: "memory:/t",
    newestVersion: 9,
    version: 3,
    known: true,
    leaving: { files: 0, bytes: 0 },
    returning: { files: 0, bytes: 0 },
    partitions: [{ ...place, from, was: 40n, becomes, rows: 1 }],
    refusals: [],
  };
}

describe("lowerFloors()", () => {
  test("goes down to the lowest of the tables, which stand first in the mark", () => {
    const others = [{ key: "shop.items", offset: 30n }, { key: "shop.orders", offset: 40n }];
    const [lowered] = lowerFloors(kafka(floor(41n, others)), [
      replay("shop.orders", 21n, 20n),
      replay("shop.returns", 11n, 10n),
    ]);
    expect(lowered).toMatchObject({ topic: "t", partition: 0, offset: 11n, before: 41n });
    expect(parseMark(lowered!.metadata)).toEqual({
      topicId,
      nextOffset: 11n,
      partitions: 3,
      tables: [
        { key: "shop.orders", offset: 20n },
        { key: "shop.returns", offset: 10n },
        { key: "shop.items", offset: 30n },
      ],
    });
  });

  test("a floor that is lower stays where it is, but no longer promises the rows", () => {
    const before = floor(5n, [{ key: "shop.orders", offset: 40n }]);
    const [lowered] = lowerFloors(kafka(before), [replay("shop.orders", 21n, 3n)]);
    expect(lowered!.offset).toBe(5n);
    expect(parseMark(lowered!.metadata)!.tables).toEqual([{ key: "shop.orders", offset: 3n }]);
  });

  test("a table that had nothing is promised nothing", () => {
    const before = floor(41n, [{ key: "shop.orders", offset: 40n }]);
    const [lowered] = lowerFloors(kafka(before), [replay("shop.orders", 21n, null)]);
    expect(parseMark(lowered!.metadata)!.tables).toEqual([]);
  });

  test.each([
    ["none", null],
    ["one without our mark", { offset: 41n, mark: null }],
    ["one that was moved", { ...floor(41n), offset: 42n }],
    ["one of an earlier topic", floor(41n, [], "b".repeat(32))],
  ])("%s is left alone: without it reading starts at the beginning", (_name, committed) => {
    expect(lowerFloors(kafka(committed), [replay("shop.orders", 21n, 20n)])).toEqual([]);
  });
});
