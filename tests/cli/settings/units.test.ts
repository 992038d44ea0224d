import { describe, expect, test } from "bun:test";
import { assert, nat, property } from "fast-check";
import {
  formatByteSize,
  formatDuration,
  humanByteSize,
  parseByteSize,
  parseDuration,
} from "../../../src/cli/settings/units.ts";

describe("parseByteSize()", () => {
  const cases: readonly (readonly [string, number | null])[] = [
    ["0", 0],
    ["1234", 1234],
    ["64MiB", 64 * 1024 ** 2],
    ["64 mib", 64 * 1024 ** 2],
    ["1.5GB", 1_500_000_000],
    ["0.5KiB", 512],
    ["10B", 10],
    ["1.5", null],
    ["1.5B", null],
    ["64M", null],
    ["64Mb/s", null],
    ["-1", null],
    ["", null],
    ["MiB", null],
    ["99999999TiB", null],
    ["0x10", null],
  ];
  test.each(cases)("reads %p as %p", (text, bytes) => expect(parseByteSize(text)).toBe(bytes));

  test("reads what formatByteSize() writes", () => {
    assert(
      property(nat(2 ** 48), (bytes) => parseByteSize(formatByteSize(bytes)) === bytes),
    );
  });
});

describe("parseDuration()", () => {
  const cases: readonly (readonly [string, number | null])[] = [
    ["0", 0],
    ["500ms", 500],
    ["10s", 10_000],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    ["2d", 172_800_000],
    ["10", null],
    ["10 s", null],
    ["s", null],
    ["10sec", null],
    ["-5s", null],
    ["", null],
  ];
  test.each(cases)("reads %p as %p", (text, ms) => expect(parseDuration(text)).toBe(ms));

  test("reads what formatDuration() writes", () => {
    assert(property(nat(2 ** 40), (ms) => parseDuration(formatDuration(ms)) === ms));
  });
});

test("humanByteSize() rounds to one digit", () => {
  expect([0, 1023, 1024, 1_500_000, 5e12].map(humanByteSize))
    .toEqual(["0 B", "1023 B", "1.0 KiB", "1.4 MiB", "4.5 TiB"]);
});
