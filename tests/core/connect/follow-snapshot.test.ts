import { describe, expect, test } from "bun:test";
import { sendControl } from "../../../src/core/connect/control-snapshot.ts";
import {
  type FollowOptions,
  followSnapshot,
  type SnapshotEvent,
} from "../../../src/core/connect/follow-snapshot.ts";
import { notificationFeed } from "../../../src/core/connect/notification-feed.ts";
import { CdcDeltaError } from "../../../src/errors.ts";
import {
  type ConnectorDouble,
  connectorDouble,
  type DoubleOptions,
  notificationTopic,
  signalTopic,
} from "./connector-double.ts";

const { signal } = new AbortController();
const channels = { topicPrefix: "cdc", signalTopic, notificationTopic };
const topics = new Map([["shop.orders", "cdc.shop.orders"]]);

function incremental(changes: Partial<FollowOptions> = {}): FollowOptions {
  return {
    request: { id: "mine", type: "incremental", collections: ["shop.orders"], connector: "cdc" },
    conditions: [],
    channels,
    topics,
    answerMsMax: 60_000,
    check: () => Promise.resolve(),
    observe: () => undefined,
    signal,
    ...changes,
  };
}

/** What `followSnapshot` ended with and told; a thrown error's message instead of an outcome. */
async function follow(double: ConnectorDouble, changes: Partial<FollowOptions> = {}) {
  const events: SnapshotEvent[] = [];
  const options = incremental({ observe: (event) => void events.push(event), ...changes });
  const outcome = await followSnapshot(double, options).catch((error: unknown) => String(error));
  return { outcome, events };
}

const scanned = {
  scanned_collection: "shop.orders",
  data_collections: "shop.orders",
  total_rows_scanned: "2",
  status: "SUCCEEDED",
};

/** Takes every snapshot up and reads two rows. */
const obedient: DoubleOptions = {
  answer({ id, type }, double) {
    if (type !== "execute-snapshot") return;
    double.after(3000, () => double.notify("STARTED", { data_collections: "shop.orders" }, { id }));
    double.after(5000, () => {
      double.cluster.produce("cdc.shop.orders", 0, [{ value: "1" }, { value: "2" }]);
      double.notify("TABLE_SCAN_COMPLETED", scanned, { id });
      double.notify("COMPLETED", {}, { id });
    });
  },
};

function withTopics(options: DoubleOptions = {}): ConnectorDouble {
  const double = connectorDouble(options);
  for (const topic of [signalTopic, notificationTopic, "cdc.shop.orders"]) {
    double.cluster.createTopic(topic, 1);
  }
  return double;
}

describe("followSnapshot", () => {
  test("sends the signal and tells all that comes of it", async () => {
    const double = withTopics(obedient);
    double.cluster.produce("cdc.shop.orders", 0, [{ value: "before" }]);
    const { outcome, events } = await follow(double);
    expect(double.heard).toEqual([{
      key: "cdc",
      id: "mine",
      type: "execute-snapshot",
      data: { "type": "incremental", "data-collections": ["shop.orders"] },
    }]);
    expect(outcome).toMatchObject({ kind: "ended", progress: { phase: "ended" } });
    expect(events.filter(({ kind }) => kind !== "growth")).toMatchObject([
      { kind: "sent", offset: 0n },
      { kind: "answered", joined: false },
      { kind: "collection", collection: "shop.orders", state: { kind: "scanned", rows: 2n } },
    ]);
    // The rows that came since the signal, not those before it.
    expect(events.at(-1)).toEqual({ kind: "growth", records: new Map([["shop.orders", 2n]]) });
  });

  test("counts rows that become visible after the last notification", async () => {
    const double = withTopics({
      answer({ id }, each) {
        each.notify("STARTED", {}, { id });
        each.notify("TABLE_SCAN_COMPLETED", scanned, { id });
        each.after(900, () => each.cluster.produce("cdc.shop.orders", 0, [{ value: "late" }]));
      },
    });
    const { events } = await follow(double);
    expect(events.at(-1)).toEqual({ kind: "growth", records: new Map([["shop.orders", 1n]]) });
  });

  test("makes the signal topic with one partition when there is none", async () => {
    const double = connectorDouble(obedient);
    double.cluster.createTopic("cdc.shop.orders", 1);
    const { outcome } = await follow(double);
    expect(outcome).toMatchObject({ kind: "ended" });
    expect(double.made).toEqual([{ topic: signalTopic, partitions: 1 }]);
  });

  test("reads notifications from the first on when their topic is made meanwhile", async () => {
    const double = connectorDouble(obedient);
    double.cluster.createTopic(signalTopic, 1);
    double.cluster.createTopic("cdc.shop.orders", 1);
    expect((await follow(double)).outcome).toMatchObject({ kind: "ended" });
  });

  test("tries again while the signal's partition has no leader", async () => {
    const refuse = (n: number) => n < 3 ? "NOT_LEADER_OR_FOLLOWER" : null;
    const double = withTopics({ ...obedient, refuse });
    expect((await follow(double)).outcome).toMatchObject({ kind: "ended" });
    expect(double.heard).toHaveLength(1);
  });

  test("says what the broker refused", async () => {
    const double = withTopics({ refuse: () => "TOPIC_AUTHORIZATION_FAILED" });
    const { outcome } = await follow(double);
    expect(outcome).toContain(`Cannot send the signal to topic ${signalTopic}`);
    expect(outcome).toContain("TOPIC_AUTHORIZATION_FAILED");
  });

  test("gives up when nobody answers in time, and tells what came instead", async () => {
    const double = withTopics();
    double.after(1000, () => double.notify("STARTED", {}, { id: "theirs" }));
    double.after(
      2000,
      () => double.cluster.produce(notificationTopic, 0, [{ value: "\u0000avro" }]),
    );
    const startedMs = double.clock.nowMs();
    const { outcome } = await follow(double);
    expect(outcome).toEqual({ kind: "unanswered", others: 1, unreadable: 1 });
    expect(double.clock.nowMs() - startedMs).toBeGreaterThanOrEqual(60_000);
  });

  test("does not take what was there before the signal for an answer", async () => {
    const double = withTopics();
    const initial = { aggregate: "Initial Snapshot" };
    double.notify("STARTED", {}, initial);
    double.notify("TABLE_SCAN_COMPLETED", scanned, initial);
    double.notify("COMPLETED", {}, initial);
    const request = { ...incremental().request, type: "blocking" as const };
    expect((await follow(double, { request })).outcome).toMatchObject({ kind: "unanswered" });
  });

  test("looks after the connector while it waits, and ends when that throws", async () => {
    const double = withTopics({
      answer: ({ id }, each) => each.notify("STARTED", {}, { id }),
    });
    const startedMs = double.clock.nowMs();
    const check = () => Promise.reject(new CdcDeltaError("connect", "the task is FAILED"));
    expect((await follow(double, { check })).outcome).toContain("the task is FAILED");
    const elapsedMs = double.clock.nowMs() - startedMs;
    expect(elapsedMs).toBeGreaterThanOrEqual(10_000);
    expect(elapsedMs).toBeLessThan(20_000);
  });

  test("follows a leader that moves, and goes on behind what retention took", async () => {
    const double = withTopics({
      answer({ id }, each) {
        each.notify("STARTED", {}, { id });
        each.cluster.deleteRecords(notificationTopic, 0, 1n);
        each.cluster.moveLeader(notificationTopic, 0, 2);
        each.after(2000, () => each.notify("TABLE_SCAN_COMPLETED", scanned, { id }));
      },
    });
    expect((await follow(double)).outcome).toMatchObject({ kind: "ended" });
  });
});

describe("notificationFeed", () => {
  test("goes back so many offsets, no further than the topic", async () => {
    const double = withTopics();
    for (let n = 0; n < 5; n++) double.notify("STARTED", {}, { id: `n${n}` });
    const idsFrom = async (back: bigint): Promise<string[]> => {
      const feed = await notificationFeed(double, notificationTopic, { back, signal });
      return (await feed.poll({ signal })).map(({ id }) => id);
    };
    expect(await idsFrom(2n)).toEqual(["n3", "n4"]);
    expect(await idsFrom(100n)).toEqual(["n0", "n1", "n2", "n3", "n4"]);
    expect(await idsFrom(0n)).toEqual([]);
  });
});

describe("sendControl", () => {
  const send = (double: ConnectorDouble, control: Parameters<typeof sendControl>[1]["control"]) =>
    sendControl(double, { control, id: "c", channels, answerMsMax: 20_000, signal });

  test.each([["pause", "PAUSED"], ["resume", "RESUMED"]] as const)(
    "%s ends at %s",
    async (kind, type) => {
      const double = withTopics({
        answer(_, each) {
          each.notify("IN_PROGRESS", { current_collection_in_progress: "a.b" });
          each.notify(type, { data_collections: "a.b" });
        },
      });
      const outcome = await send(double, { kind });
      expect(outcome).toMatchObject({ kind: "done", notification: { collections: ["a.b"] } });
      expect(double.heard.map(({ type: sent }) => sent)).toEqual([`${kind}-snapshot`]);
    },
  );

  test("a stop of all resumes too, since a paused snapshot hears nothing else", async () => {
    const double = withTopics({
      answer({ type }, each) {
        if (type === "resume-snapshot") each.notify("ABORTED", { data_collections: "a.b" });
      },
    });
    expect(await send(double, { kind: "stop", collections: [] })).toMatchObject({ kind: "done" });
  });

  test("a stop of some leaves the others as they are", async () => {
    const double = withTopics();
    expect(await send(double, { kind: "stop", collections: ["a.b"] })).toEqual({
      kind: "unanswered",
    });
    expect(double.heard.map(({ type }) => type)).toEqual(["stop-snapshot"]);
  });
});
