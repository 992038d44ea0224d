import { expect, test } from "bun:test";
import { litter } from "../src/collect-garbage.ts";

test("what is left behind is collected once there is enough of it", () => {
  let collections = 0;
  const garbage = litter({ collect: () => void (collections += 1) });
  const mebibyte = 1 << 20;
  for (let left = 0; left < 111; left++) garbage.left(mebibyte);
  expect(collections).toBe(0);
  garbage.left(mebibyte);
  expect(collections).toBe(1);
  for (let left = 0; left < 224; left++) garbage.left(mebibyte);
  expect(collections).toBe(3);
});

test("a runtime that does not collect on demand is left alone", () => {
  expect(() => litter({ collect: undefined }).left(1 << 30)).not.toThrow();
});
