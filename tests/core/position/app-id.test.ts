import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { checkAppId, parseAppId, watermarkAppId } from "../../../src/core/position/app-id.ts";

const id = fc.record({
  topic: fc.string({ minLength: 1, unit: "grapheme" }),
  partition: fc.nat(),
  identity: fc.oneof(fc.constant(""), fc.string({ minLength: 1, unit: "grapheme" })),
});

describe("parseAppId()", () => {
  test("gives back what watermarkAppId() and checkAppId() were given", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), id, (pipelineId, partition) => {
      const parsed = parseAppId(watermarkAppId(pipelineId, partition));
      expect(parsed).toEqual({ kind: "watermark", pipelineId, ...partition });
      const check = parseAppId(checkAppId(pipelineId, partition));
      expect(check).toEqual({ kind: "check", pipelineId, ...partition });
    }));
  });

  test("writes names that stay as they are", () => {
    const partition = { topic: "cdc.shop:orders", partition: 3, identity: "00ff" };
    expect(watermarkAppId("team a", partition)).toBe(
      "cdcdelta:team%20a:cdc.shop%3Aorders:3:00ff",
    );
    expect(checkAppId("g", { ...partition, identity: "" })).toBe(
      "cdcdelta-check:g:cdc.shop%3Aorders:3",
    );
  });

  for (const foreign of ["", "spark-query-1", "cdcdelta:a:b", "cdcdelta:a:b:x", "cdcdelta:a:%:1"]) {
    test(`is null for "${foreign}"`, () => {
      expect(parseAppId(foreign)).toBeNull();
    });
  }
});
