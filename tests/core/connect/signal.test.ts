import { describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { readCondition } from "../../../src/core/connect/snapshot-condition.ts";
import { type Signal, signalRecord } from "../../../src/core/connect/signal.ts";

function sent(signal: Signal): { readonly key: string; readonly value: string } {
  const { key, value } = signalRecord(signal, { id: "id-1", topicPrefix: "cdc" });
  return { key: Buffer.from(key).toString(), value: Buffer.from(value).toString() };
}

describe("signalRecord", () => {
  const none = { conditions: [] };
  test.each<[string, Signal, unknown]>([
    [
      "incremental",
      { kind: "execute", type: "incremental", collections: ["shop.orders", "shop.a.b"], ...none },
      {
        type: "execute-snapshot",
        data: { "type": "incremental", "data-collections": ["shop.orders", "shop.a.b"] },
      },
    ],
    [
      "incremental of a name with a pattern's characters",
      { kind: "execute", type: "incremental", collections: ["shop.a+b"], ...none },
      {
        type: "execute-snapshot",
        data: { "type": "incremental", "data-collections": ["shop\\.a\\+b"] },
      },
    ],
    [
      "incremental with a condition, whose name is a pattern",
      {
        kind: "execute",
        type: "incremental",
        collections: ["shop.orders"],
        conditions: [{ collection: "shop.orders", filter: '{"n": 9007199254740993}' }],
      },
      {
        type: "execute-snapshot",
        data: {
          "type": "incremental",
          "data-collections": ["shop.orders"],
          "additional-conditions": [
            { "data-collection": "shop\\.orders", "filter": '{"n": 9007199254740993}' },
          ],
        },
      },
    ],
    [
      "blocking with a condition, whose name is plain",
      {
        kind: "execute",
        type: "blocking",
        collections: ["shop.orders"],
        conditions: [{ collection: "shop.orders", filter: "{}" }],
      },
      {
        type: "execute-snapshot",
        data: {
          "type": "blocking",
          "data-collections": ["shop\\.orders"],
          "additional-conditions": [{ "data-collection": "shop.orders", "filter": "{}" }],
        },
      },
    ],
    [
      "stop of all",
      { kind: "stop", collections: [] },
      { type: "stop-snapshot", data: { type: "incremental" } },
    ],
    [
      "stop of one",
      { kind: "stop", collections: ["shop.orders"] },
      {
        type: "stop-snapshot",
        data: { "type": "incremental", "data-collections": ["shop\\.orders"] },
      },
    ],
    ["pause", { kind: "pause" }, { type: "pause-snapshot", data: {} }],
    ["resume", { kind: "resume" }, { type: "resume-snapshot", data: {} }],
  ])("%s", (_name, signal, expected) => {
    const { key, value } = sent(signal);
    expect(key).toBe("cdc");
    expect(JSON.parse(value)).toEqual({ id: "id-1", ...expected as object });
  });
});

describe("readCondition", () => {
  const one = ["shop.orders"];
  const two = ["shop.orders", "shop.orders=x"];
  test.each<[string, readonly string[], string, string]>([
    ['{"a": 1}', one, "shop.orders", '{"a": 1}'],
    ['shop.orders={"a": 1}', one, "shop.orders", '{"a": 1}'],
    // Digits beyond a double's stay as they are.
    ['shop.orders= {"a": 9007199254740993} ', one, "shop.orders", '{"a": 9007199254740993}'],
    ['shop.orders=x={"a": 1}', two, "shop.orders=x", '{"a": 1}'],
  ])("%s", (text, collections, collection, filter) => {
    expect(readCondition(text, collections)).toEqual({
      kind: "condition",
      condition: { collection, filter },
    });
  });

  test.each<[string, readonly string[], string]>([
    ['{"a": 1}', two, "does not say which collection"],
    ['shop.items={"a": 1}', one, '"shop.items" is none of the collections'],
    ["status = 'open'", one, '"status " is none of the collections'],
    ["open", one, '"open" is no query'],
    ["{'a': 1}", one, "the query of shop.orders is not JSON"],
    ["shop.orders={a: 1}", one, "the query of shop.orders is not JSON"],
    ["shop.orders=[1]", one, "the query of shop.orders is not a JSON object"],
    ["shop.orders=", one, "the query of shop.orders is not JSON"],
  ])("refuses %s", (text, collections, message) => {
    const reading = readCondition(text, collections);
    expect(reading.kind === "invalid" ? reading.message : reading.kind).toContain(message);
  });
});
