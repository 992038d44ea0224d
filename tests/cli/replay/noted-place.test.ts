import { expect, test } from "bun:test";
import { placeOf, uriOfPlace } from "../../../src/cli/replay/noted-place.ts";

test.each([
  ["below the base path, at another mount", "/lake/", "/lake/shop/orders", "/mnt/lake/shop/orders"],
  ["the base path itself", "s3://b/lake", "s3://b/lake/", "/mnt/lake"],
  ["elsewhere", "/lake", "s3://other/orders", "s3://other/orders"],
  ["a name that begins alike", "/lake", "/lakes/orders", "/lakes/orders"],
])("a noted table is found again: %s", (_name, basePath, uri, found) => {
  expect(uriOfPlace("/mnt/lake", placeOf(basePath, uri))).toBe(found);
});
