import { describe, expect, test } from "bun:test";
import { resolveSettings } from "../../src/cli/settings/resolve-settings.ts";
import type { CollectionOverride } from "../../src/cli/settings/settings.ts";
import { collectionValues, fillTemplate, tableLocator } from "../../src/cli/table-location.ts";
import { deadLetterTable } from "../../src/core/encode/encode-job.ts";

const { values: settings } = resolveSettings({ flags: new Map(), env: {}, file: null }).resolved;

describe("fillTemplate()", () => {
  const usual = "{base}/{db}/{collection}";
  const cases: readonly (readonly [string, string, string, string])[] = [
    [usual, "shop.orders", "/lake", "/lake/shop/orders"],
    [usual, "shop.orders", "/lake/", "/lake/shop/orders"],
    [usual, "shop.orders", "s3://b/p", "s3://b/p/shop/orders"],
    [usual, "shop.a.b", "/l", "/l/shop/a.b"],
    [usual, "shop.a/b", "/l", "/l/shop/a@2Fb"],
    [usual, "shop..", "/l", "/l/shop/@2E"],
    [usual, "shop...", "/l", "/l/shop/@2E@2E"],
    [usual, "shop.a b", "/l", "/l/shop/a b"],
    [usual, "shop.me@home", "/l", "/l/shop/me@home"],
    [usual, "shop.a@2Fb", "/l", "/l/shop/a@402Fb"],
    [usual, "shop.a=b", "/l", "/l/shop/a@3Db"],
    [usual, "shop._delta_log", "/l", "/l/shop/@5Fdelta_log"],
    [usual, "_cdcdelta.a", "/l", "/l/@5Fcdcdelta/a"],
    [usual, "_dead_letters._x", "/l", "/l/@5Fdead_letters/_x"],
    [usual, "shop.50%", "/l", "/l/shop/50@25"],
    [usual, "shop.a\u0000b", "/l", "/l/shop/a@00b"],
    [usual, "shop.été", "/l", "/l/shop/été"],
    [usual, "shop.$&", "/l", "/l/shop/$&"],
    ["{db}_{collection}", "shop.orders", "/l", "/l/shop_orders"],
    ["/other/{collection}", "shop.orders", "/l", "/other/orders"],
    ["s3://c/{collection}", "shop.orders", "/l", "s3://c/orders"],
  ];
  test.each(cases)("%p of %p below %p", (template, key, base, uri) => {
    expect(fillTemplate(template, key, base)).toBe(uri);
  });
});

describe("collectionValues()", () => {
  const collections: readonly CollectionOverride[] = [
    { pattern: "shop\\.orders", values: { partitionBy: ["a"], properties: { "delta.x": "1" } } },
    { pattern: "shop\\..*", values: { keepDocument: true } },
  ];
  const general = { ...settings, properties: { "delta.y": "2" } };
  const of = (key: string): ReturnType<typeof collectionValues> =>
    collectionValues(general, collections, key);

  test("takes the first pattern that matches the whole name", () => {
    expect(of("shop.orders").partitionBy).toEqual(["a"]);
    expect(of("shop.orders").keepDocument).toBe(false);
    expect(of("shop.orders2").keepDocument).toBe(true);
    expect(of("myshop.orders").keepDocument).toBe(false);
  });

  test("adds properties to the general ones and leaves the rest as it is", () => {
    expect(of("shop.orders").properties).toEqual({ "delta.x": "1", "delta.y": "2" });
    expect(of("shop.orders").tablePath).toBe(settings.tablePath);
  });
});

describe("tableLocator()", () => {
  test("puts the dead letters beside the databases", () => {
    const locate = tableLocator({ settings, collections: [], basePath: "/l" });
    expect(locate(deadLetterTable)).toBe("/l/_dead_letters");
    expect(locate("shop.orders")).toBe("/l/shop/orders");
    expect(locate("shop.orders")).toBe("/l/shop/orders");
  });

  test("refuses two collections in one place", () => {
    const shared = { ...settings, tablePath: "{base}/{db}" };
    const locate = tableLocator({ settings: shared, collections: [], basePath: "/l" });
    locate("shop.orders");
    expect(() => locate("shop.people")).toThrow("shop.orders and shop.people");
  });
});
