import { describe, expect, test } from "bun:test";
import {
  defaultMemory,
  fetchBytes,
  heldBytesWithin,
  workersWithin,
} from "../../src/cli/memory-budget.ts";

const mebibyte = 1024 ** 2;

describe("the memory budget", () => {
  test.each([[64, 192], [256, 192], [512, 384], [1024, 512], [65_536, 512]])(
    "of a machine with %i MiB is %i MiB",
    (limit, wanted) => expect(defaultMemory(limit * mebibyte)).toBe(wanted * mebibyte),
  );

  test.each([[128, 1], [384, 2], [512, 3], [4096, 31]])(
    "of %i MiB has room for %i threads",
    (memory, wanted) => expect(workersWithin(memory * mebibyte)).toBe(wanted),
  );

  test.each([[512, 2, 128], [384, 2, 64], [1024, 2, 384], [512, 0, 192], [128, 1, 16], [
    512,
    64,
    16,
  ]])(
    "of %i MiB with %i threads holds %i MiB of input",
    (memory, workers, wanted) =>
      expect(heldBytesWithin(memory * mebibyte, workers)).toBe(wanted * mebibyte),
  );

  test("counts what fetches from Kafka hold", () => {
    const without = heldBytesWithin(512 * mebibyte, 2);
    expect(heldBytesWithin(512 * mebibyte, 2, fetchBytes(8 * mebibyte)))
      .toBe(without - 8 * mebibyte);
  });
});
