import { describe, expect, test } from "bun:test";
import { barLines } from "../../../src/cli/snapshot/snapshot-bars.ts";
import {
  emptyText,
  eventLine,
  runningLines,
  sinkText,
} from "../../../src/cli/snapshot/snapshot-lines.ts";
import { isDone, resultJson, resultText } from "../../../src/cli/snapshot/snapshot-result.ts";
import {
  emptyCollections,
  newView,
  type SnapshotView,
  withEvent,
  withSink,
} from "../../../src/cli/snapshot/snapshot-view.ts";
import type { SnapshotEvent } from "../../../src/core/connect/follow-snapshot.ts";
import type { CollectionProgress } from "../../../src/core/connect/snapshot-progress.ts";

const at = (collection: string, state: CollectionProgress, timestampMs: number): SnapshotEvent => ({
  kind: "collection",
  collection,
  state,
  timestampMs,
});
const running = (lastKey: string | null, maximumKey: string | null = "5000") =>
  ({ kind: "running", lastKey, maximumKey }) as const;
const growth = (orders: bigint): SnapshotEvent => ({
  kind: "growth",
  records: new Map([["shop.orders", orders]]),
});

function viewOf(...events: readonly SnapshotEvent[]): SnapshotView {
  return events.reduce(withEvent, newView(["shop.orders", "shop.it"]));
}

const half = [
  { kind: "sent", offset: 0n },
  { kind: "answered", joined: false },
  at("shop.orders", running("0"), 1000),
  at("shop.orders", running("2500"), 2000),
  growth(2400n),
] as const satisfies readonly SnapshotEvent[];

const lines = (view: SnapshotView, nowMs: number, columns = 100): string[] =>
  barLines(view, { columns, nowMs });

describe("bars", () => {
  test("half way", () => {
    expect(lines(viewOf(...half), 3000)).toEqual([
      "shop.orders      [########--------]  50%  about 2,400 rows  1,200/s",
      "shop.it          [----------------]        waiting",
    ]);
  });

  test("paused, by ObjectIds, without a key, and failed", () => {
    const ids = [
      "5f000000a979dd7300018a10",
      "5f000064a979dd7300018a10",
      "5f0000c8a979dd7300018a10",
    ];
    const view = viewOf(
      at("shop.orders", running(ids[0] ?? "", ids[2]), 1000),
      at("shop.orders", running(ids[1] ?? "", ids[2]), 1000),
      at("shop.it", { kind: "failed", status: "UNKNOWN_SCHEMA" }, 1000),
      { kind: "phase", phase: "paused" },
    );
    expect(lines(view, 1050)).toEqual([
      "shop.orders      [########--------]  50%  about 0 rows  paused",
      "shop.it          failed: UNKNOWN_SCHEMA",
    ]);
    const keyless = viewOf(at("shop.orders", running("some text"), 1000), growth(7n));
    expect(lines(keyless, 1050)[0]).toBe("shop.orders      [----------------]       about 7 rows");
  });

  test("all read, on the way into the tables", () => {
    const read = viewOf(
      ...half,
      at("shop.orders", { kind: "scanned", rows: 5000n }, 3000),
      at("shop.it", { kind: "scanned", rows: 1n }, 3200),
    );
    const goals = [{ topic: "t", partition: 0, offset: 400n, committed: 0n }];
    const sink = { goals, state: "Stable", members: 1 };
    const later = { ...sink, goals: [{ ...goals[0]!, committed: 300n }] };
    const view = withSink(withSink(read, "g", sink), "g", later);
    expect(lines(view, 9000)).toEqual([
      "shop.orders      [################] 100%  5,000 rows  2,500/s",
      "shop.it          [################] 100%  1 row",
      "into the tables  [############----]  75%  100 offsets to go",
    ]);
    const alone = withSink(read, "g", { ...sink, state: "Empty", members: 0 });
    expect(lines(alone, 9000).at(-1))
      .toBe(
        "into the tables  [----------------]   0%  nobody reads in group g: start cdcdelta run",
      );
    expect(lines(view, 9000, 40).every((line) => line.length < 40)).toBe(true);
  });
});

describe("collections of which nothing was read", () => {
  const names = (...events: readonly SnapshotEvent[]): readonly string[] =>
    emptyCollections(viewOf(...events));

  test("are those that ended without a row, by count or by growth", () => {
    expect(names(...half, at("shop.it", running("1"), 3000))).toEqual([]);
    expect(names(at("shop.it", { kind: "scanned", rows: 0n }, 3000))).toEqual(["shop.it"]);
    expect(names(at("shop.it", { kind: "scanned", rows: null }, 3000))).toEqual(["shop.it"]);
    expect(names(...half, at("shop.orders", { kind: "scanned", rows: null }, 3000))).toEqual([]);
    expect(names(at("shop.it", { kind: "scanned", rows: 1n }, 3000))).toEqual([]);
    expect(names(at("shop.it", { kind: "failed", status: "ABORTED" }, 3000))).toEqual([]);
  });

  test("are warned of", () => {
    expect(emptyText("shop.it", { limited: false })).toBe(
      "Warning: nothing was read of shop.it: it is empty, or there is no such collection " +
        "(check the spelling)",
    );
    expect(emptyText("shop.it", { limited: true })).toContain("its --where matches nothing, it is");
  });
});

describe("plain lines", () => {
  test("one for each thing worth it", () => {
    let view = newView(["shop.orders", "shop.it"]);
    const said = [
      ...half,
      { kind: "phase", phase: "paused" },
      { kind: "phase", phase: "running" },
      at("shop.orders", { kind: "scanned", rows: 5000n }, 3000),
      at("shop.it", { kind: "failed", status: "ABORTED" }, 3000),
    ].flatMap((event) => {
      view = withEvent(view, event as SnapshotEvent);
      return eventLine(event as SnapshotEvent, { view, id: "id-1" }) ?? [];
    });
    expect(said).toEqual([
      "snapshot id-1: the signal is sent",
      "taken up by the connector",
      "shop.orders: reading",
      "paused",
      "goes on",
      "shop.orders: read, 5,000 rows",
      "shop.it: failed: ABORTED",
    ]);
  });

  test("how far it is", () => {
    expect(runningLines(viewOf(...half), 3000)).toEqual([
      "shop.orders: about 2,400 rows, 1,200/s, 50% of its keys",
    ]);
    const sink = { group: "g", unattended: false, behind: 1200n, behindAtFirst: 1200n };
    expect(sinkText({ ...sink, state: "Stable", members: 2 }))
      .toBe("into the tables: 1,200 offsets to go (group g, 2 members)");
    expect(sinkText({ ...sink, unattended: true, state: "Dead", members: 0 })).toBe(
      'into the tables: 1,200 offsets to go; nobody reads in the consumer group "g" (Dead): ' +
        "start cdcdelta run",
    );
  });
});

describe("the result", () => {
  const base = { id: "id-1", type: "incremental", elapsedMs: 4200, until: "tables" } as const;
  const read = viewOf(
    ...half,
    at("shop.orders", { kind: "scanned", rows: 9007199254740993n }, 3000),
    at("shop.it", { kind: "scanned", rows: null }, 3000),
    growth(7n),
  );

  test("of what was read", () => {
    expect(resultText({ ...base, view: read })).toBe(
      "collection   state  rows              rows/s\n" +
        "shop.orders  read   9007199254740993  4503599627370496\n" +
        "shop.it      read   about 0           -\n" +
        "All rows are in the tables after 4.2 s\n",
    );
    expect(resultJson({ ...base, view: read })).toBe(
      '{"event":"done","ok":true,"signal":"id-1","type":"incremental","until":"tables",' +
        '"elapsedMs":4200,"collections":[{"collection":"shop.orders","state":"scanned",' +
        '"rows":9007199254740993,"rowsExact":true,"rowsPerSecond":4503599627370496},' +
        '{"collection":"shop.it","state":"scanned","rows":0,"rowsExact":false,' +
        '"rowsPerSecond":null}]}\n',
    );
  });

  test.each([
    ["UNKNOWN_SCHEMA", "try --type blocking"],
    ["NO_PRIMARY_KEY", "try --type blocking"],
    ["SQL_EXCEPTION", "reading from MongoDB failed"],
    ["SKIPPED", "Debezium skipped it"],
    ["ABORTED", "it was stopped"],
    ["MISSING", "the snapshot ended without reading it"],
    ["WHAT_COMES", "Connect's log says why"],
  ])("of a failure, %s, with what to do", (status, advice) => {
    const view = withEvent(read, at("shop.it", { kind: "failed", status }, 3000));
    const text = resultText({ ...base, view: { ...view }, until: "kafka" });
    expect(text).toContain(`Not every collection was read:\n  shop.it: `);
    expect(text).toContain(advice);
    expect(isDone({ ...base, view, until: "kafka" })).toBe(false);
  });

  test("of one that still runs", () => {
    const result = { ...base, view: viewOf(...half), until: "answer" } as const;
    expect(resultText(result)).toBe(
      "The snapshot id-1 is running. Its state: cdcdelta snapshot --status\n",
    );
    expect(isDone(result)).toBe(true);
  });
});
