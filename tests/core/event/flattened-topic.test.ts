import { describe, expect, test } from "bun:test";
import { type KnownNames, tableOfTopic } from "../../../src/core/event/flattened-topic.ts";

const nothing: KnownNames = { db: null, collection: null };

/** Topic, what the document says itself, and the table; null: it cannot be told. */
const cases: readonly (readonly [string, Partial<KnownNames>, string | null])[] = [
  ["cdc.shop.orders", {}, "shop/orders"],
  ["cdc.shop.sys.orders.v2", {}, "shop/sys.orders.v2"],
  ["cdc.shop", {}, null],
  ["orders", {}, null],
  ["", {}, null],
  ["cdc..orders", {}, null],
  ["cdc.shop.", {}, null],
  [".shop.orders", {}, null],
  // A prefix with dots can be cut off only where one of the names is known.
  ["eu.cdc.shop.orders", { collection: "orders" }, "shop/orders"],
  ["eu.cdc.shop.sys.orders", { collection: "sys.orders" }, "shop/sys.orders"],
  ["eu.cdc.shop.sys.orders", { db: "shop" }, "shop/sys.orders"],
  ["shop.shop.orders", { db: "shop" }, "shop/orders"],
  ["cdc.shop.shop.orders", { db: "shop" }, "shop/shop.orders"],
  ["cdc.other.orders", { db: "shop" }, null],
  ["cdc.shop.other", { collection: "orders" }, null],
  ["shop.orders", { collection: "orders" }, null],
  ["cdc.shop.orders", { collection: "rders" }, null],
  // Debezium writes `_` for what a topic's name cannot have.
  ["cdc.shop.my_orders_", { collection: "my orders€" }, "shop/my orders€"],
  ["cdc.my_shop.orders", { db: "my shop" }, "my shop/orders"],
];

describe("the table of a topic", () => {
  for (const [topic, known, expected] of cases) {
    test(`${topic} with ${JSON.stringify(known)} is ${expected}`, () => {
      const found = tableOfTopic(topic, { ...nothing, ...known });
      expect(found === null ? null : `${found.db}/${found.collection}`).toBe(expected);
    });
  }
});
