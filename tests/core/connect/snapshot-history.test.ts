import { describe, expect, test } from "bun:test";
import type { SnapshotNews, SnapshotNotification } from "../../../src/core/connect/notification.ts";
import { snapshotHistory } from "../../../src/core/connect/snapshot-history.ts";
import { storedSnapshot } from "../../../src/core/connect/snapshot-offsets.ts";

let timestampMs = 0;

function notice(
  news: SnapshotNews,
  { id = "i", aggregate = "incremental", queue = [] }: {
    readonly id?: string;
    readonly aggregate?: SnapshotNotification["aggregate"];
    readonly queue?: readonly string[];
  } = {},
): SnapshotNotification {
  return { id, aggregate, connector: "cdc", collections: queue, news, timestampMs: ++timestampMs };
}

const started: SnapshotNews = { kind: "started" };
const completed: SnapshotNews = { kind: "completed" };
const aborted: SnapshotNews = { kind: "aborted" };
const reads = (collection: string): SnapshotNews => ({
  kind: "progress",
  collection,
  lastKey: "5",
  maximumKey: "9",
});
const scanned = (collection: string, status = "SUCCEEDED"): SnapshotNews => ({
  kind: "scanned",
  collection,
  status,
  rows: 3n,
});
const both = { queue: ["a.x", "a.y"] };
const initial = { aggregate: "initial" } as const;

/** `state: collection status, …` of each snapshot. */
function shown(notifications: readonly SnapshotNotification[]): string[] {
  return snapshotHistory(notifications).map(({ state, collections }) =>
    `${state}: ${collections.map((each) => `${each.collection} ${each.status}`).join(", ")}`
  );
}

describe("snapshotHistory", () => {
  test.each<[string, readonly SnapshotNotification[], readonly string[]]>([
    ["nothing", [], []],
    [
      "one that is running",
      [notice(started, both), notice(reads("a.x"), both)],
      ["running: a.x running, a.y waiting"],
    ],
    [
      "one that is paused",
      [notice(started, both), notice({ kind: "paused" }, both)],
      ["paused: a.x waiting, a.y waiting"],
    ],
    [
      "one that is complete",
      [
        notice(started, both),
        notice(scanned("a.x")),
        notice(scanned("a.y", "EMPTY")),
        notice(completed),
      ],
      ["completed: a.x SUCCEEDED, a.y EMPTY"],
    ],
    [
      "one that was stopped: Debezium completes it, then tells of the stop with another id",
      [notice(started, both), notice(reads("a.x")), notice(completed), notice(aborted, both)],
      ["aborted: a.x STOPPED, a.y STOPPED"],
    ],
    [
      "one of which a part was stopped",
      [
        notice(started, both),
        notice(aborted, { queue: ["a.x"] }),
        notice(scanned("a.y")),
        notice(completed),
      ],
      ["completed: a.x STOPPED, a.y SUCCEEDED"],
    ],
    ["one whose parts were all stopped", [notice(started, both), notice(aborted, both)], [
      "aborted: a.x STOPPED, a.y STOPPED",
    ]],
    [
      "one that began before the first notification",
      [notice(reads("a.x"), { queue: ["a.x"] }), notice(scanned("a.x")), notice(completed)],
      ["completed: a.x SUCCEEDED"],
    ],
    [
      "one of each kind, at a time",
      [
        notice(started, { queue: ["a.x"] }),
        notice(started, initial),
        notice(reads("a.y"), initial),
        notice(scanned("a.x")),
        notice(scanned("a.y"), initial),
        notice(completed, initial),
        notice(completed),
      ],
      ["completed: a.x SUCCEEDED", "completed: a.y SUCCEEDED"],
    ],
    [
      "one that another follows without its end",
      [notice(started, { queue: ["a.x"] }), notice(started, { queue: ["a.y"] })],
      ["cut off: a.x waiting", "running: a.y waiting"],
    ],
    [
      "one to which a collection is added",
      [notice(started, { queue: ["a.x"] }), notice(reads("a.x"), { id: "later", ...both })],
      ["running: a.x running, a.y waiting"],
    ],
  ])("%s", (_name, notifications, expected) => {
    expect(shown(notifications)).toEqual(expected as string[]);
  });

  test("knows the newest signal's id of an incremental one, and when it was heard of", () => {
    timestampMs = 10;
    const [one] = snapshotHistory([notice(started), notice(reads("a.x"), { id: "later" })]);
    expect(one).toMatchObject({ id: "later", firstMs: 11, lastMs: 12 });
    expect(one?.collections[0]).toMatchObject({ lastKey: "5", maximumKey: "9" });
    expect(snapshotHistory([notice(started, initial)])[0]?.id).toBeNull();
  });
});

describe("storedSnapshot", () => {
  const stored = (offset: unknown) => storedSnapshot([{ partition: {}, offset }]);

  test("reads what a connector 3.6.1 stores", () => {
    const offset = {
      sec: 1,
      incremental_snapshot_maximum_key: "aced",
      incremental_snapshot_collections: JSON.stringify([
        { incremental_snapshot_collections_id: "shop.a,b" },
        { incremental_snapshot_collections_id: "shop.items" },
      ]),
      incremental_snapshot_correlation_id: "id-1",
    };
    expect(stored(offset)).toEqual({ collections: ["shop.a,b", "shop.items"], signalId: "id-1" });
  });

  test.each<[unknown, unknown]>([
    [{ sec: 1 }, null],
    [null, null],
    [
      { incremental_snapshot_collections: "a.x,a.y" },
      { collections: ["a.x", "a.y"], signalId: null },
    ],
    [{ incremental_snapshot_collections: '{"a":1}' }, { collections: [], signalId: null }],
  ])("%p", (offset, expected) => {
    expect(stored(offset)).toEqual(expected as never);
  });

  test("no offsets are no snapshot", () => expect(storedSnapshot([])).toBeNull());
});
