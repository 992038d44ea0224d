import { expect, test } from "bun:test";
import fc from "fast-check";
import { createExactKeySet } from "../../../src/delta/operations/exact-key-set.ts";

test("an exact key set answers as a set does", () => {
  const keys = fc.array(fc.string({ maxLength: 4 }), { maxLength: 3000 });
  fc.assert(
    fc.property(keys, keys, (added, asked) => {
      const set = createExactKeySet();
      const plain = new Set<string>();
      for (const key of added) {
        expect(set.add(key)).toBe(!plain.has(key));
        plain.add(key);
      }
      expect(set.size).toBe(plain.size);
      expect(asked.map((key) => set.has(key))).toEqual(asked.map((key) => plain.has(key)));
    }),
    { numRuns: 30 },
  );
});
