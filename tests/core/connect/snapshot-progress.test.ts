import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { SnapshotNews, SnapshotNotification } from "../../../src/core/connect/notification.ts";
import {
  advance,
  askedProgress,
  hasSucceeded,
  type SnapshotProgress,
} from "../../../src/core/connect/snapshot-progress.ts";
import type { SnapshotType } from "../../../src/core/connect/signal.ts";

const started: SnapshotNews = { kind: "started" };
const completed: SnapshotNews = { kind: "completed" };
const aborted: SnapshotNews = { kind: "aborted" };
const reads = (collection: string): SnapshotNews => ({
  kind: "progress",
  collection,
  lastKey: "1",
  maximumKey: "9",
});
const scanned = (collection: string, status = "SUCCEEDED", rows: bigint | null = 3n) =>
  ({ kind: "scanned", collection, status, rows }) as const;

function notice(
  id: string,
  news: SnapshotNews,
  {
    queue = [],
    aggregate = "incremental",
    connector = "cdc",
  }: {
    readonly queue?: readonly string[];
    readonly aggregate?: SnapshotNotification["aggregate"];
    readonly connector?: string | null;
  } = {},
): SnapshotNotification {
  return { id, aggregate, connector, collections: queue, news, timestampMs: 0 };
}

function ask(collections: readonly string[], type: SnapshotType = "incremental"): SnapshotProgress {
  return askedProgress({ id: "mine", type, collections, connector: "cdc" });
}

const initial = { aggregate: "initial" } as const;

/** `phase: state state`, states as `waiting`, `running`, `rows` or the status. */
function shown({ phase, collections }: SnapshotProgress): string {
  const states = [...collections.values()].map((state) => {
    if (state.kind === "scanned") return `${state.rows ?? "?"} rows`;
    return state.kind === "failed" ? state.status : state.kind;
  });
  return `${phase}: ${states.join(", ")}`;
}

describe("an incremental snapshot", () => {
  const mine = (...news: SnapshotNews[]): SnapshotNotification[] =>
    news.map((each) => notice("mine", each));
  test.each<[string, readonly SnapshotNotification[], string]>([
    ["nothing yet", [], "asked: waiting, waiting"],
    ["taken up", mine(started), "running: waiting, waiting"],
    ["a chunk", mine(started, reads("a.x")), "running: running, waiting"],
    ["one done", mine(started, scanned("a.x")), "running: 3 rows, waiting"],
    [
      "both done",
      mine(started, scanned("a.x"), scanned("a.y", "EMPTY", null)),
      "ended: 3 rows, 0 rows",
    ],
    ["completed too early", mine(started, scanned("a.x"), completed), "ended: 3 rows, MISSING"],
    ["completed alone", mine(started, completed), "ended: MISSING, MISSING"],
    ["paused", mine(started, { kind: "paused" }), "paused: waiting, waiting"],
    [
      "resumed",
      mine(started, { kind: "paused" }, { kind: "resumed" }),
      "running: waiting, waiting",
    ],
    [
      "a restarted task forgets the pause",
      mine(started, { kind: "paused" }, reads("a.x")),
      "running: running, waiting",
    ],
    ["aborted", mine(started, scanned("a.x"), aborted), "ended: 3 rows, ABORTED"],
    [
      "one stopped, the other goes on",
      [...mine(started), notice("mine", aborted, { queue: ["a.x"] })],
      "running: ABORTED, waiting",
    ],
    [
      "stopped as Debezium tells it: completed, then aborted with another id",
      [...mine(started, reads("a.x"), completed), notice("random", aborted, { queue: ["a.x"] })],
      "ended: MISSING, MISSING",
    ],
    [
      "added to a running one, no STARTED",
      mine(reads("b.z"), scanned("a.x")),
      "running: 3 rows, waiting",
    ],
    [
      "others are added later, under their id",
      [...mine(started, scanned("a.x")), notice("theirs", scanned("a.y"))],
      "ended: 3 rows, 3 rows",
    ],
    ["before ours, somebody's end is not ours", [
      notice("theirs", scanned("a.x")),
      notice("theirs", completed),
    ], "asked: waiting, waiting"],
    [
      "another one starts after ours was lost",
      [...mine(started), notice("theirs", started)],
      "ended: MISSING, MISSING",
    ],
    [
      "another connector",
      [notice("mine", started, { connector: "other" })],
      "asked: waiting, waiting",
    ],
    [
      "no connector told",
      [notice("mine", started, { connector: null })],
      "running: waiting, waiting",
    ],
    [
      "a blocking one meanwhile",
      [...mine(started), notice("mine", completed, initial)],
      "running: waiting, waiting",
    ],
    [
      "asked for twice: the first scan is the other's",
      [...mine(started), notice("mine", scanned("a.x"), { queue: ["a.x", "a.y", "a.x"] })],
      "running: running, waiting",
    ],
    [
      "asked for twice: the second one is ours",
      [
        ...mine(started),
        notice("mine", scanned("a.x", "SUCCEEDED", 1n), { queue: ["a.x", "a.x"] }),
        notice("mine", scanned("a.x", "SUCCEEDED", 2n), { queue: ["a.x"] }),
      ],
      "running: 2 rows, waiting",
    ],
    [
      "nothing counts after the end",
      [...mine(started, completed), notice("mine", scanned("a.x"))],
      "ended: MISSING, MISSING",
    ],
  ])("%s", (_name, notifications, expected) => {
    expect(shown(notifications.reduce(advance, ask(["a.x", "a.y"])))).toBe(expected);
  });

  test.each<[string, boolean]>([
    ["SUCCEEDED", true],
    ["EMPTY", true],
    ["NO_PRIMARY_KEY", false],
    ["SKIPPED", false],
    ["SQL_EXCEPTION", false],
    ["UNKNOWN_SCHEMA", false],
    ["STOPPED", false],
    ["SOMETHING_NEW", false],
  ])("that ends a scan with %s succeeds: %p", (status, succeeds) => {
    const notifications = mine(started, scanned("a.x", status), completed);
    expect(hasSucceeded(notifications.reduce(advance, ask(["a.x"])))).toBe(succeeds);
  });
});

describe("a blocking snapshot", () => {
  const told = (...news: SnapshotNews[]): SnapshotNotification[] =>
    news.map((each, i) => notice(`random-${i}`, each, initial));
  test.each<[string, readonly SnapshotNotification[], string]>([
    [
      "the end of one before it",
      told(scanned("a.x", "SUCCEEDED", null), completed),
      "asked: waiting",
    ],
    ["taken up", told(started), "running: waiting"],
    ["read", told(started, reads("a.x"), scanned("a.x", "SUCCEEDED", null)), "running: ? rows"],
    ["complete", told(started, scanned("a.x", "SUCCEEDED", null), completed), "ended: ? rows"],
    [
      "failed",
      told(started, scanned("a.x", "SQL_EXCEPTION", null), completed),
      "ended: SQL_EXCEPTION",
    ],
    ["complete without ours", told(started, completed), "ended: MISSING"],
    ["aborted", told(started, reads("a.x"), aborted), "ended: ABORTED"],
    ["skipped", told(started, { kind: "skipped" }), "ended: SKIPPED"],
    ["somebody else's first", told(started, scanned("b.y"), completed), "asked: waiting"],
    [
      "somebody else's first, then ours",
      told(started, scanned("b.y"), completed, started, scanned("a.x", "EMPTY"), completed),
      "ended: 0 rows",
    ],
    ["an incremental one meanwhile", [notice("mine", started)], "asked: waiting"],
  ])("%s", (_name, notifications, expected) => {
    expect(shown(notifications.reduce(advance, ask(["a.x"], "blocking")))).toBe(expected);
  });
});

describe("two snapshots at a time", () => {
  /** Notifications as a connector sends them: one queue, the id of the newest signal. */
  function merged(
    first: readonly string[],
    second: readonly string[],
    addedAfter: number,
  ): SnapshotNotification[] {
    const notifications: SnapshotNotification[] = [];
    let queue = [...first];
    let id = "first";
    let told = 0;
    let added = false;
    const add = (news: SnapshotNews): void => {
      notifications.push(notice(id, news, { queue: [...queue] }));
      if (++told > addedAfter && !added) {
        added = true;
        queue = [...queue, ...second];
        id = "mine";
      }
    };
    add(started);
    for (let current = queue[0]; current !== undefined; current = queue[0]) {
      add(reads(current));
      add(scanned(current));
      queue = queue.slice(1);
    }
    if (!added) {
      // The first was over before the second came.
      notifications.push(notice("first", completed));
      queue = [...second];
      id = "mine";
      added = true;
      add(started);
      for (const current of second) {
        add(scanned(current));
        queue = queue.slice(1);
      }
    }
    notifications.push(notice(id, completed));
    return notifications;
  }

  const names = fc.uniqueArray(fc.constantFrom("a.u", "a.v", "a.w", "a.x"), { minLength: 1 });

  test("ours ends with all of ours read, never before, however they are merged", () => {
    fc.assert(fc.property(names, names, fc.nat({ max: 12 }), (first, second, addedAfter) => {
      const notifications = merged(first, second, addedAfter);
      const states = notifications.reduce(
        (all, each) => [...all, advance(all.at(-1) ?? ask(second), each)],
        [ask(second)],
      );
      const last = states.at(-1) ?? ask(second);
      expect(last.phase).toBe("ended");
      expect(hasSucceeded(last)).toBe(true);
      // The scans under our id alone are what may count.
      const end = states.findIndex(({ phase }) => phase === "ended");
      const counted = notifications.slice(0, end)
        .filter(({ id, news }) => id === "mine" && news.kind === "scanned");
      expect(counted.length).toBeGreaterThanOrEqual(second.length);
    }));
  });

  test("blocking and incremental ones do not mix", () => {
    const news = fc.oneof(
      fc.constant(started),
      fc.constant(completed),
      fc.constant(aborted),
      fc.constant(scanned("a.x", "SQL_EXCEPTION")),
      fc.constant(reads("a.x")),
    );
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat({ max: 3 }), news)), (noise) => {
      const ours = [started, reads("a.x"), scanned("a.x"), completed].map((each) =>
        notice("mine", each)
      );
      const mixed = ours.flatMap((each, i) => [
        ...noise.filter(([at]) => at === i).map(([, other]) => notice("random", other, initial)),
        each,
      ]);
      expect(hasSucceeded(mixed.reduce(advance, ask(["a.x"])))).toBe(true);
      expect(shown(
        noise.map(([, other]) => notice("random", other, initial))
          .reduce(advance, ask(["a.x"])),
      )).toBe("asked: waiting");
    }));
  });
});
