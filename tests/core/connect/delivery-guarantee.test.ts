import { describe, expect, test } from "bun:test";
import { deliveryGuarantee } from "../../../src/core/connect/delivery-guarantee.ts";
import shipped from "../../../deploy/kafka-connect/debezium-mongodb.json" with { type: "json" };
import flattened from "../../../deploy/kafka-connect/debezium-mongodb-flattened.json" with {
  type: "json",
};

const level = (config: Readonly<Record<string, string>>, workerExactlyOnce: boolean | null) =>
  deliveryGuarantee(config, { workerExactlyOnce }).level;

describe("deliveryGuarantee()", () => {
  test("is exactly once for the shipped configurations on a worker with transactions", () => {
    expect(deliveryGuarantee(shipped.config, { workerExactlyOnce: true })).toMatchObject({
      level: "exactly-once",
      weakened: [],
    });
    const flat = deliveryGuarantee(flattened.config, { workerExactlyOnce: true });
    expect(flat.level).toBe("exactly-once");
    expect(flat.weakened.join()).toContain("ExtractNewDocumentState: loses types");
  });

  test.each(
    [
      ["a worker without transactions", {}, false, "at-least-once"],
      ["an unknown worker, nothing required", {}, null, "at-least-once"],
      ["a worker with transactions, nothing required", {}, true, "exactly-once"],
      ["required", { "exactly.once.support": "REQUIRED" }, null, "exactly-once"],
      ["another boundary", { "transaction.boundary": "interval" }, true, "at-least-once"],
      ["tolerated errors", { "errors.tolerance": "all" }, true, "lossy"],
      ["skipped failures", { "event.processing.failure.handling.mode": "warn" }, true, "lossy"],
      ["skipped large events", { "cursor.oversize.handling.mode": "skip" }, true, "lossy"],
      ["skipped deletes", { "skipped.operations": "t,d" }, true, "lossy"],
      [
        "Debezium's default of skipped operations",
        { "skipped.operations": "t" },
        true,
        "exactly-once",
      ],
      ["a pipeline of one's own", { "cursor.pipeline": "[{$match:{}}]" }, true, "lossy"],
      [
        "a filter",
        { "transforms": "f", "transforms.f.type": "org.apache.kafka.connect.transforms.Filter" },
        true,
        "lossy",
      ],
      [
        "flattening with deletes as tombstones",
        {
          "transforms": "u",
          "transforms.u.type": "io.debezium.connector.mongodb.transforms.ExtractNewDocumentState",
        },
        true,
        "lossy",
      ],
    ] as const,
  )("%s", (_, config, worker, expected) => {
    expect(level(config, worker)).toBe(expected);
  });

  test("says what weakens it, and when updates carry a later document", () => {
    const { weakened, limits } = deliveryGuarantee({
      "errors.tolerance": "all",
      "capture.mode": "change_streams",
    }, { workerExactlyOnce: false });
    expect(weakened.map((each) => each.split(/[:=]/)[0])).toEqual([
      "errors.tolerance",
      "the worker",
      "capture.mode",
    ]);
    expect(limits.join()).not.toContain("looked it up");
    expect(deliveryGuarantee({}, { workerExactlyOnce: true }).limits.join())
      .toContain("looked it up");
  });
});
