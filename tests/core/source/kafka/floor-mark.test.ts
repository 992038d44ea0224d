import { describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import {
  encodeMark,
  markBytesMax,
  parseMark,
} from "../../../../src/core/source/kafka/floor-mark.ts";

const offset = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const mark = fc.record({
  topicId: fc.constantFrom("", "0123456789abcdef0123456789abcdef"),
  nextOffset: offset,
  partitions: fc.nat(100_000),
  tables: fc.uniqueArray(
    fc.record({ key: fc.string({ maxLength: 200 }).map((text) => `t.${text}`), offset }),
    { maxLength: 60, selector: (table) => table.key },
  ),
});

describe("floor marks", () => {
  test("a mark comes back as it was, with as many tables as fit", () => {
    fc.assert(
      fc.property(mark, (made) => {
        const text = encodeMark(made);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(markBytesMax);
        const parsed = parseMark(text)!;
        expect({ ...parsed, tables: [] }).toEqual({ ...made, tables: [] });
        expect(parsed.tables).toEqual(made.tables.slice(0, parsed.tables.length));
        const whole = JSON.stringify(Object.fromEntries(
          made.tables.map(({ key, offset: at }) => [key, String(at)]),
        ));
        if (Buffer.byteLength(whole) < markBytesMax - 200) {
          expect(parsed.tables).toEqual(made.tables);
        }
      }),
    );
  });

  const others: readonly string[] = [
    "",
    "x",
    "null",
    "[]",
    "{}",
    "kafkajs",
    '{"v":2,"id":"","o":"1","n":0,"t":{}}',
    '{"v":1,"id":"","o":1,"n":0,"t":{}}',
    '{"v":1,"id":"","o":"-1","n":0,"t":{}}',
    '{"v":1,"id":"","o":"1","t":{}}',
    '{"v":1,"id":"","o":"1","n":0,"t":[]}',
    '{"v":1,"id":"","o":"1","n":0,"t":{"a":"x"}}',
    '{"v":1,"o":"1","n":0,"t":{}}',
  ];
  for (const text of others) {
    test(`is none of ours: ${text}`, () => expect(parseMark(text)).toBeNull());
  }
});
