import { describe, expect, test } from "bun:test";
import { readiness } from "../../../src/cli/watch/readiness.ts";

describe("readiness()", () => {
  test("of a file is there unless the store fails", () => {
    const ready = readiness(() => null);
    expect(ready.reasons()).toEqual([]);
    ready.observe({ kind: "store-answer", why: "503" });
    expect(ready.reasons()).toEqual([{ part: "store", why: "503" }]);
    ready.observe({ kind: "store-answer", why: null });
    expect(ready.reasons()).toEqual([]);
  });

  test("of Kafka needs an answer, then partitions", () => {
    const state = { connected: false, assigned: false, waitsFor: 0 };
    const ready = readiness(() => state);
    expect(ready.reasons().map(({ part }) => part)).toEqual(["kafka"]);
    const lost = { kind: "connection", connected: false, why: "refused" } as const;
    ready.observe({ kind: "kafka", event: lost });
    expect(ready.reasons()).toEqual([{ part: "kafka", why: "refused" }]);
    state.connected = true;
    ready.observe({ kind: "kafka", event: { kind: "rejoining", why: "a member left" } });
    expect(ready.reasons()).toEqual([{ part: "group", why: "a member left" }]);
    state.assigned = true;
    expect(ready.reasons()).toEqual([]);
  });

  test("names the store first as long as it keeps Kafka from being asked", () => {
    const ready = readiness(() => ({ connected: false, assigned: false, waitsFor: 0 }));
    ready.observe({ kind: "store-answer", why: "503" });
    expect(ready.reasons()).toEqual([
      { part: "store", why: "503" },
      { part: "kafka", why: "not asked yet: the store is tried first" },
    ]);
    const lost = { kind: "connection", connected: false, why: "refused" } as const;
    ready.observe({ kind: "kafka", event: lost });
    expect(ready.reasons().map(({ part }) => part)).toEqual(["kafka", "store"]);
  });

  test("ends with the first signal", () => {
    const ready = readiness(() => null);
    ready.observe({ kind: "stopping", signal: "SIGTERM" });
    expect(ready.reasons()).toEqual([{ part: "process", why: "SIGTERM: ending" }]);
  });
});
