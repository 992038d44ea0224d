import { describe, expect, test } from "bun:test";
import type { ConnectClient } from "../../../src/core/connect/connect-client.ts";
import type { ConnectorStatus } from "../../../src/core/connect/connect-types.ts";
import { verdictOf, verifyConnector } from "../../../src/core/connect/verify-connector.ts";

const status = (state: string, ...tasks: string[]): ConnectorStatus => ({
  name: "a",
  type: "source",
  state,
  worker: "w",
  trace: null,
  tasks: tasks.map((each, id) => ({ id, state: each, worker: "w", trace: null })),
});
const running = status("RUNNING", "RUNNING");

/** Looks at states in order; the last one stays. */
async function verdict(
  states: readonly (ConnectorStatus | null)[],
  tries = 10,
): Promise<{ readonly kind: string; readonly looks: number }> {
  let looks = 0;
  const client = {
    status: () => Promise.resolve(states[Math.min(looks++, states.length - 1)] ?? null),
  } as unknown as ConnectClient;
  const clock = { nowMs: () => 0, sleep: () => Promise.resolve() };
  const { signal } = new AbortController();
  const { kind } = await verifyConnector(client, "a", { tries, intervalMs: 1, clock, signal });
  return { kind, looks };
}

describe("verdictOf()", () => {
  test.each(
    [
      [running, "running"],
      [status("RUNNING", "RUNNING", "RUNNING"), "running"],
      [status("RUNNING"), "undecided"],
      [status("RUNNING", "UNASSIGNED"), "undecided"],
      [status("UNASSIGNED", "RUNNING"), "undecided"],
      [status("RESTARTING", "RESTARTING"), "undecided"],
      [status("RUNNING", "RUNNING", "FAILED"), "failed"],
      [status("FAILED"), "failed"],
      [status("PAUSED", "PAUSED"), "idle"],
      [status("PAUSED", "RUNNING"), "undecided"],
      [status("STOPPED"), "idle"],
    ] as const,
  )("%j", (each, expected) => {
    expect(verdictOf(each)).toBe(expected);
  });
});

describe("verifyConnector()", () => {
  test("wants the same three times in a row", async () => {
    expect(await verdict([running])).toEqual({ kind: "running", looks: 3 });
    expect(await verdict([null, status("RUNNING"), running])).toEqual({
      kind: "running",
      looks: 5,
    });
  });

  test("is not taken in by the state from before a change", async () => {
    const failed = status("RUNNING", "FAILED");
    expect(await verdict([running, running, failed])).toEqual({ kind: "failed", looks: 5 });
    expect(await verdict([failed, failed, running])).toEqual({ kind: "running", looks: 5 });
  });

  test("gives up after so many looks", async () => {
    expect(await verdict([status("RUNNING", "UNASSIGNED")])).toEqual({
      kind: "undecided",
      looks: 10,
    });
    const flapping = Array.from({ length: 10 }, (_, i) => i % 3 === 2 ? null : running);
    expect(await verdict(flapping)).toEqual({ kind: "undecided", looks: 10 });
    expect(await verdict([running], 1)).toEqual({ kind: "running", looks: 1 });
  });

  test("does not wait for what somebody has paused", async () => {
    expect(await verdict([status("PAUSED", "PAUSED")])).toEqual({ kind: "idle", looks: 3 });
  });
});
