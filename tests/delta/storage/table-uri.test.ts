import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { openStore } from "../../../src/delta/storage/open-store.ts";
import {
  formatTableUri,
  parseTableUri,
  type TableUri,
} from "../../../src/delta/storage/table-uri.ts";
import { codeOf, errorOf } from "../../suites/object-store.ts";

const local = (path: string): TableUri => ({ kind: "local", path });
const s3 = (bucket: string, prefix: string): TableUri => ({ kind: "s3", bucket, prefix });

describe("parseTableUri()", () => {
  const good: readonly [text: string, uri: TableUri][] = [
    ["/data/lake", local("/data/lake")],
    ["/data//lake/", local("/data/lake")],
    ["/data/a%20b c", local("/data/a%20b c")],
    ["lake", local(resolve("lake"))],
    ["./lake/../other", local(resolve("other"))],
    ["a:b/c", local(resolve("a:b/c"))],
    ["/", local("/")],
    ["file:///data/lake", local("/data/lake")],
    ["file:/data/lake/", local("/data/lake")],
    ["FILE://localhost/data", local("/data")],
    ["file:///data/a%20b%25%C3%A9+c", local("/data/a b%é+c")],
    ["s3://lake", s3("lake", "")],
    ["s3://lake/", s3("lake", "")],
    ["s3://lake/a/b/", s3("lake", "a/b")],
    ["s3a://my.lake-1/a%20b c", s3("my.lake-1", "a%20b c")],
    ["S3://lake//a", s3("lake", "a")],
    ["s3://lake/day=1/é?#&", s3("lake", "day=1/é?#&")],
  ];
  for (const [text, uri] of good) {
    test(`reads ${text}`, () => {
      expect(parseTableUri(text)).toEqual(uri);
      expect(parseTableUri(formatTableUri(uri))).toEqual(uri);
    });
  }

  const bad = [
    "",
    "  ",
    "a\0b",
    "gs://lake/a",
    "abfss://lake@account/a",
    "https://minio:9000/lake",
    "file:relative",
    "file://host/data",
    "file:///data/%ZZ",
    "file:///data/%00",
    "s3://",
    "s3:///a",
    "s3://user:hidden-secret@lake/a",
    "s3://lake/a//b",
    "s3://lake/../b",
  ];
  for (const text of bad) {
    test(`refuses ${JSON.stringify(text)}`, async () => {
      const error = await errorOf((async () => parseTableUri(text))());
      expect(error.code).toBe("usage");
      expect(error.message).not.toContain("hidden-secret");
      expect(error.message).toContain("s3://bucket/prefix");
      expect(await codeOf((async () => openStore(text))())).toBe("usage");
    });
  }
});

describe("openStore()", () => {
  test("names the store as the user knows it", () => {
    expect(openStore("file:///data/lake").uri).toBe("/data/lake");
    expect(openStore("s3a://lake/shop/").uri).toBe("s3://lake/shop");
    expect(openStore("s3://lake").uri).toBe("s3://lake");
    for (const uri of ["/data", "s3://lake"]) openStore(uri).close();
  });
});
