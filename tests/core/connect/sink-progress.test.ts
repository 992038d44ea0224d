import { describe, expect, test } from "bun:test";
import {
  endsOf,
  type SinkGoal,
  type SinkProgress,
  waitForSink,
} from "../../../src/core/connect/sink-progress.ts";
import { type ConnectorDouble, connectorDouble } from "./connector-double.ts";

const { signal } = new AbortController();
const rows = (count: number) => Array.from({ length: count }, (_, i) => ({ value: String(i) }));

describe("endsOf", () => {
  test("counts what an open transaction has written, which readers do not see yet", async () => {
    const { client, cluster } = connectorDouble();
    cluster.createTopic("t", 2);
    cluster.produce("t", 0, rows(3));
    cluster.produce("t", 0, rows(4), { producerId: 7n });
    expect(await endsOf(client, ["t"], { signal })).toEqual([
      { topic: "t", partition: 0, offset: 7n },
    ]);
  });

  test("asks nothing of topics that are not there, and of what retention took", async () => {
    const { client, cluster } = connectorDouble();
    cluster.createTopic("t", 1);
    cluster.produce("t", 0, rows(3));
    cluster.deleteRecords("t", 0, 3n);
    expect(await endsOf(client, ["t", "absent"], { signal })).toEqual([]);
  });
});

describe("waitForSink", () => {
  const goals: readonly SinkGoal[] = [
    { topic: "t", partition: 0, offset: 10n },
    { topic: "t", partition: 1, offset: 5n },
  ];

  function group(double: ConnectorDouble, members: number): void {
    double.cluster.createTopic("t", 2);
    const held = double.cluster.group("g");
    for (let n = 0; n < members; n++) held.members.set(`m${n}`, {} as never);
    if (members > 0) (held as { state: string }).state = "Stable";
  }

  /** How long it waited in seconds, and the message of what it threw. */
  async function wait(double: ConnectorDouble, stillMsMax = 60_000) {
    const seen: SinkProgress[] = [];
    const startedMs = double.clock.nowMs();
    const error = await waitForSink(double, {
      groupId: "g",
      goals,
      stillMsMax,
      observe: (progress) => void seen.push(progress),
      signal,
    }).then(() => null, String);
    return { error, seconds: (double.clock.nowMs() - startedMs) / 1000, seen };
  }

  test("ends when every partition is committed up to its goal, not one offset before", async () => {
    const double = connectorDouble();
    group(double, 1);
    const commit = (partition: number, offset: bigint) => () =>
      double.cluster.commit("g", { topic: "t", partition }, offset, "");
    double.after(2000, commit(0, 12n));
    double.after(5000, commit(1, 4n));
    double.after(9000, commit(1, 5n));
    const { error, seconds, seen } = await wait(double);
    expect(error).toBeNull();
    expect(seconds).toBe(9);
    expect(seen[0]?.goals.map(({ committed }) => committed)).toEqual([null, null]);
    expect(seen.at(-2)?.goals.map(({ committed }) => committed)).toEqual([12n, 4n]);
  });

  test.each([
    [0, 'nobody reads in the consumer group "g". Start "cdcdelta run"'],
    [2, 'the consumer group "g" has members but commits nothing of it'],
  ])("gives up a group of %d members that stands still", async (members, message) => {
    const double = connectorDouble();
    group(double, members);
    double.cluster.commit("g", { topic: "t", partition: 0 }, 9n, "");
    const { error, seconds } = await wait(double, 30_000);
    expect(error).toContain("(t), 6 offsets of it not yet in the tables");
    expect(error).toContain(message);
    expect(seconds).toBe(30);
  });

  test("waits as long as it moves", async () => {
    const double = connectorDouble();
    group(double, 1);
    for (let n = 1; n <= 10; n++) {
      double.after(n * 20_000, () => {
        double.cluster.commit("g", { topic: "t", partition: 0 }, BigInt(n), "");
        double.cluster.commit("g", { topic: "t", partition: 1 }, BigInt(n), "");
      });
    }
    const { error, seconds } = await wait(double, 30_000);
    expect(error).toBeNull();
    expect(seconds).toBe(200);
  });
});
