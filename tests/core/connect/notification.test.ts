import { describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { readNotification } from "../../../src/core/connect/notification.ts";
import {
  advance,
  askedProgress,
  hasSucceeded,
} from "../../../src/core/connect/snapshot-progress.ts";
import { projectRoot } from "../../support/project-root.ts";
import { optional } from "../../support/requirement.ts";

const corpus = path.join(
  process.env["CDCDELTA_CORPUS"] ?? path.join(projectRoot, "../shared/corpus"),
  "debezium",
);
const present = optional(existsSync(corpus), `the Debezium corpus is not at ${corpus}`);

const bytes = (value: unknown): Uint8Array =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value));

function notice(type: string, data: object, aggregate = "Incremental Snapshot"): object {
  return { id: "i", type, aggregate_type: aggregate, additional_data: data, timestamp: 7 };
}

function linesOf(file: string): unknown[] {
  return readFileSync(path.join(corpus, file), "utf8").trim().split("\n").map((line) => {
    const { value } = JSON.parse(line) as { readonly value: string };
    return readNotification(bytes(value));
  });
}

describe("readNotification", () => {
  test("reads a scan's end, with a schema and without", () => {
    const data = {
      scanned_collection: "shop.orders",
      connector_name: "cdc",
      total_rows_scanned: "9007199254740993",
      data_collections: "shop.orders,shop.items",
      status: "SUCCEEDED",
    };
    const payload = notice("TABLE_SCAN_COMPLETED", data);
    const expected = {
      kind: "snapshot",
      notification: {
        id: "i",
        aggregate: "incremental",
        connector: "cdc",
        collections: ["shop.orders", "shop.items"],
        news: {
          kind: "scanned",
          collection: "shop.orders",
          status: "SUCCEEDED",
          rows: 9007199254740993n,
        },
        timestampMs: 7,
      },
    };
    expect(readNotification(bytes(payload))).toEqual(expected as never);
    expect(readNotification(bytes({ schema: { type: "struct" }, payload })))
      .toEqual(expected as never);
    expect(readNotification(bytes({ schema: null, payload }))).toEqual(expected as never);
  });

  test.each([["<null>"], ['"<null>"'], [undefined]])("knows no key in %p", (key) => {
    const data = {
      current_collection_in_progress: "a.b",
      maximum_key: key,
      last_processed_key: "5",
    };
    expect(readNotification(bytes(notice("IN_PROGRESS", data)))).toMatchObject({
      notification: { news: { kind: "progress", lastKey: "5", maximumKey: null } },
    });
  });

  test.each<[unknown, "other" | "unreadable"]>([
    [notice("TABLE_CHUNK_COMPLETED", {}), "other"],
    [notice("STARTED", {}, "Schema History"), "other"],
    [notice("IN_PROGRESS", {}), "other"],
    [notice("TABLE_SCAN_COMPLETED", { scanned_collection: "a.b" }), "other"],
    [{ ...notice("STARTED", {}), id: 5 }, "other"],
    ["Struct{id=1}", "unreadable"],
    ["\u0000\u0000\u0000\u0000\u0001x", "unreadable"],
    ["[]", "unreadable"],
    [{ schema: {}, payload: null }, "other"],
  ])("%p is %s", (value, kind) => {
    expect(readNotification(bytes(value)).kind).toBe(kind);
  });

  test("a tombstone is none", () => expect(readNotification(null)).toEqual({ kind: "other" }));
});

describe.skipIf(!present)("notifications of real connectors", () => {
  test.each([
    "live-3.6.1/notifications-topic-schemaless.ndjson",
    "live-3.6.1/notifications-topic-schemaful.ndjson",
    "generated-notifications-3.6.1.ndjson",
    "generated-notifications-3.6.1.schemas-enabled.ndjson",
  ])("all of %s are understood", (file) => {
    const kinds = linesOf(file).map((reading) => (reading as { readonly kind: string }).kind);
    expect(kinds.length).toBeGreaterThan(5);
    expect([...new Set(kinds)]).toEqual(["snapshot"]);
  });

  test("the snapshots of a whole topic succeed", () => {
    const readings = linesOf("live-3.6.1/notifications-topic-schemaless.ndjson");
    const notifications = readings.map((r) => (r as { readonly notification: never }).notification);
    const run = (id: string, type: "incremental" | "blocking", collections: string[]) => {
      // A blocking one is asked for after the initial snapshot.
      const from = type === "blocking" ? 12 : 0;
      const asked = askedProgress({ id, type, collections, connector: "cdc" });
      return notifications.slice(from).reduce(advance, asked);
    };
    const incremental = run("inc-1", "incremental", ["shop.customers", "shop.orders"]);
    expect([...incremental.collections.entries()]).toEqual([
      ["shop.customers", { kind: "scanned", rows: 95n }],
      ["shop.orders", { kind: "scanned", rows: 2n }],
    ]);
    expect(hasSucceeded(incremental)).toBe(true);
    const blocking = run("blk-1", "blocking", ["shop.orders"]);
    expect([...blocking.collections.values()]).toEqual([{ kind: "scanned", rows: null }]);
    expect(hasSucceeded(blocking)).toBe(true);
    expect(run("inc-1", "incremental", ["shop.absent"]).collections.get("shop.absent"))
      .toEqual({ kind: "failed", status: "MISSING" });
    expect(run("other-id", "incremental", ["shop.orders"]).phase).toBe("asked");
  });
});
