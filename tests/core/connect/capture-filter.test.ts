import { describe, expect, test } from "bun:test";
import { captureOf } from "../../../src/core/connect/capture-filter.ts";

type Config = Readonly<Record<string, string>>;

const include = (value: string): Config => ({ "collection.include.list": value });
const exclude = (value: string): Config => ({ "collection.exclude.list": value });

describe("captureOf", () => {
  test.each<[Config, string, "captured" | "left-out" | "unknown"]>([
    [{}, "shop.orders", "captured"],
    [{}, "admin.users", "left-out"],
    [{}, "config.system.sessions", "left-out"],
    // Patterns match the whole name, and any case.
    [include("shop\\.orders"), "shop.orders", "captured"],
    [include("shop\\.orders"), "shop.orders2", "left-out"],
    [include("orders"), "shop.orders", "left-out"],
    [include("SHOP\\.Orders"), "shop.orders", "captured"],
    [include("a\\.b, shop\\..*"), "shop.orders", "captured"],
    [include("shop\\.(orders|items)"), "shop.items", "captured"],
    // A comma within a pattern stands behind a backslash.
    [include("shop\\.a{1\\,2}"), "shop.aa", "captured"],
    [include("\\Qshop.a+b\\E"), "shop.a+b", "captured"],
    [include("  "), "shop.orders", "captured"],
    [exclude("shop\\.orders"), "shop.orders", "left-out"],
    [exclude("shop\\.orders"), "shop.items", "captured"],
    // An include list makes the exclude list void.
    [{ ...include("shop\\.orders"), ...exclude("shop\\.orders") }, "shop.orders", "captured"],
    [{ "database.include.list": "shop" }, "shop.orders", "captured"],
    [{ "database.include.list": "shop" }, "other.orders", "left-out"],
    [{ "database.exclude.list": "sh.*" }, "shop.orders", "left-out"],
    [{ "database.exclude.list": "shop", ...include("shop\\.orders") }, "shop.orders", "left-out"],
    [{ "filters.match.mode": "literal", ...include("shop.orders") }, "shop.orders", "captured"],
    [{ "filters.match.mode": "literal", ...include("shop.orders") }, "shopXorders", "left-out"],
    [{ "filters.match.mode": "literal", ...include("shop.*") }, "shop.orders", "left-out"],
    [{ "capture.scope": "database", "capture.target": "shop" }, "shop.orders", "captured"],
    [{ "capture.scope": "database", "capture.target": "shop" }, "other.orders", "left-out"],
    [{ "capture.scope": "collection", "capture.target": "shop.a" }, "shop.orders", "left-out"],
    // Debezium always captures the collection of its marks.
    [{ ...include("a\\.b"), "signal.data.collection": "shop.signals" }, "shop.signals", "captured"],
    // What only Java or Connect can read is not judged.
    [include("shop\\.(?<!x)++a"), "shop.orders", "unknown"],
    [include("shop\\.orders,(?<!x)++a"), "shop.orders", "captured"],
    [include("${file:/etc/c.properties:list}"), "shop.orders", "unknown"],
  ])("%p: %s is %s", (config, collection, kind) => {
    expect(captureOf(config, collection).kind).toBe(kind);
  });

  test("names the setting that leaves a collection out", () => {
    expect(captureOf(include("a\\.b"), "shop.orders"))
      .toEqual({ kind: "left-out", setting: "collection.include.list", value: "a\\.b" });
  });
});
