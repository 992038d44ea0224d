import { describe, expect, test } from "bun:test";
import { pointText, replayPoint } from "../../../src/cli/replay/replay-point.ts";

const read = (...texts: readonly string[]) => replayPoint().schema.safeParse([...texts]);
const at = (topic: string, partition: number, offset: bigint) => ({ topic, partition, offset });

describe("points of a replay", () => {
  test.each([
    [["offset:cdc.shop.a-b_c:0:1200"], [at("cdc.shop.a-b_c", 0, 1200n)]],
    [["offset:a:0:1,a:1:2", "offset:b:0:3"], [at("a", 0, 1n), at("a", 1, 2n), at("b", 0, 3n)]],
    [["offset:a:0:1, offset:a:1:2"], [at("a", 0, 1n), at("a", 1, 2n)]],
    [["offsets:a:12:999999999999999999"], [at("a", 12, 999_999_999_999_999_999n)]],
  ])("%p are offsets", (texts, offsets) => {
    const result = read(...texts);
    expect(result.data).toEqual({ kind: "offsets", offsets });
    expect(read(pointText(result.data!)).data).toEqual({ kind: "offsets", offsets });
  });

  test.each([
    ["timestamp:2026-01-31T12:00:00Z", { kind: "timestamp", timestampMs: 1_769_860_800_000 }],
    ["timestamp:2026-01-31", { kind: "timestamp", timestampMs: 1_769_817_600_000 }],
    ["version:41", { kind: "version", version: 41 }],
  ])("%s", (text, point) => {
    expect(read(text).data).toEqual(point as never);
    expect(read(pointText(point as never)).data).toEqual(point as never);
  });

  test.each([
    [["offset:a:0"]],
    [["offset:a:x:1"]],
    [["offset:a:0:-1"]],
    [["offset:a:0:1,a:0:2"]],
    [["offset:a:0:1", "version:3"]],
    [["version:-1"]],
    [["timestamp:yesterday"]],
    [["41"]],
    [[""]],
  ])("%p is none", (texts) => {
    const { error } = read(...texts);
    expect(error?.issues).toHaveLength(1);
  });
});
