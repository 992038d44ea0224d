import { expect, test } from "bun:test";
import { parseLossless } from "../../../src/delta/schema/lossless-json.ts";
import {
  checksumOf,
  formatLastCheckpoint,
  parseLastCheckpoint,
} from "../../../src/delta/log/last-checkpoint.ts";

type JsonObject = Parameters<typeof checksumOf>[0];

test("the checksum is the one of the protocol's example", () => {
  const example = `{"k0":"'v 0'","checksum":"x","k1":{"k2":2,"k3":["v3",[1,2],` +
    `{"k4":"v4","k5":["v5","v6","v7"]}]}}`;
  expect(checksumOf(parseLossless(example) as JsonObject)).toBe("6a92d155a59bf2eecbd4b4ec7fd1f875");
});

test("the checksum takes numbers letter by letter and the order of keys for nothing", () => {
  const of = (text: string): string => checksumOf(parseLossless(text) as JsonObject);
  expect(of(`{"a":1,"b":2}`)).toBe(of(`{"b":2,"a":1,"checksum":"y"}`));
  expect(of(`{"a":1}`)).not.toBe(of(`{"a":1.0}`));
  expect(of(`{"a":9007199254740993}`)).not.toBe(of(`{"a":9007199254740992}`));
  expect(of(`{"ä":"ö"}`)).not.toBe(of(`{"a":"ö"}`));
});

test("a hint comes back as it was written", () => {
  const hint = { version: 20, size: 7, sizeInBytes: 900, numOfAddFiles: 3 };
  expect(parseLastCheckpoint(formatLastCheckpoint(hint))).toEqual(hint);
});

test("a hint that is broken or was changed is none", () => {
  const text = formatLastCheckpoint({ version: 20, size: 7 });
  const broken = [
    "",
    "x",
    "[]",
    "7",
    "{}",
    `{"version":-1}`,
    `{"version":"20","size":7}`,
    `{"version":20.5,"size":7}`,
    text.replace("20", "21"),
    text.slice(0, -2),
  ];
  for (const each of broken) expect(parseLastCheckpoint(each)).toBeNull();
  expect(parseLastCheckpoint(`{"version":20,"size":7}`)?.version).toBe(20);
  expect(parseLastCheckpoint(`{"version":3,"size":2,"parts":2}`)?.parts).toBe(2);
});
