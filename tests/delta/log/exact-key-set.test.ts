import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { createExactKeySet } from "../../../src/delta/log/exact-key-set.ts";

describe("exact key set", () => {
  test("says of every key what a Set of strings says", () => {
    const keys = fc.array(fc.oneof(fc.string({ maxLength: 3 }), fc.string({ unit: "binary" })), {
      maxLength: 60,
    });
    fc.assert(fc.property(keys, keys, (added, asked) => {
      const [set, model] = [createExactKeySet(), new Set<string>()];
      for (const key of added) {
        expect(set.add(key)).toBe(!model.has(key));
        model.add(key);
      }
      expect(set.size).toBe(model.size);
      for (const key of asked) expect(set.has(key)).toBe(model.has(key));
    }));
  });

  test("tells keys apart that are long, begin alike or are no well-formed text", () => {
    const set = createExactKeySet();
    const long = "x".repeat(70_000);
    const keys = ["", "a", "a\u0000", "\ud800", "\ud801", "\ufffd", long, `${long}y`, `y${long}`];
    for (const key of keys) expect(set.add(key)).toBe(true);
    for (const key of keys) expect(set.has(key)).toBe(true);
    expect(set.has(`${long}z`)).toBe(false);
    expect(set.size).toBe(keys.length);
  });

  test("keeps its keys while it grows", () => {
    const set = createExactKeySet();
    for (let i = 0; i < 50_000; i++) set.add(`part-${i}.parquet`);
    expect(set.size).toBe(50_000);
    for (let i = 0; i < 50_000; i++) expect(set.has(`part-${i}.parquet`)).toBe(true);
    expect(set.has("part-50000.parquet")).toBe(false);
  });
});
