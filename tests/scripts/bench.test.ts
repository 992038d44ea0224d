import { expect, test } from "bun:test";
import { percentile } from "../../scripts/bench/bench-report.ts";
import { freshnessOf } from "../../scripts/bench/freshness.ts";
import { eventMaker } from "../../scripts/bench/order-events.ts";

function made(kcat: boolean): string[] {
  const make = eventMaker({ seed: 7, kcat });
  return Array.from({ length: 200 }, (_, index) => make(index));
}

function parsed(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) throw new TypeError("not an object");
  return { ...value };
}

test("benchmark events are the same for the same seed, and of the size they claim", () => {
  const lines = made(false);
  expect(made(false)).toEqual(lines);
  const average = lines.join("\n").length / lines.length;
  expect(average).toBeGreaterThan(1000);
  expect(average).toBeLessThan(1150);
  const ops = lines.map((line) => parsed(line)["op"]);
  expect(ops.filter((op) => op === "d").length).toBe(20);
  expect(ops.filter((op) => op === "u").length).toBe(60);
});

test("their documents are JSON, twice in the kcat form", () => {
  const bare = made(false);
  for (const [index, line] of made(true).entries()) {
    const payload = String(parsed(line)["payload"]);
    expect(payload).toBe(bare[index] ?? "");
    const after = parsed(payload)["after"];
    if (typeof after === "string") expect(Object.keys(parsed(after)).length).toBe(16);
  }
});

test("percentile() takes the nearest rank", () => {
  const values = [5, 1, 4, 2, 3];
  expect(percentile(values, 0.5)).toBe(3);
  expect(percentile(values, 0.99)).toBe(5);
  expect(percentile([7], 0.5)).toBe(7);
  expect(percentile([], 0.5)).toBeNull();
});

test("freshness is the age of rows at the commit that makes them readable", () => {
  const commit = (timeMs: number, newestSourceMs: number, rows: number) => ({
    timeMs,
    newestSourceMs,
    rows,
  });
  // A commit a second, each 100 ms after its newest row: rows are 100 to 1,100 ms old.
  const commits = [commit(1100, 1000, 7), commit(2100, 2000, 500), commit(3100, 3000, 500)];
  expect(freshnessOf(commits)).toEqual({
    events: 1000,
    seconds: 2,
    msP50: 598,
    msP95: 1048,
    msP99: 1088,
  });
  expect(freshnessOf([])).toMatchObject({ events: 0, msP50: null });
});
