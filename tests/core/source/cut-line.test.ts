import { afterEach, describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  eventsOf,
  lanesOf,
  makeFolder,
  pipeOf,
  removeFolders,
  sourceOf,
} from "./source-harness.ts";

afterEach(removeFolders);

const whole = '{"a":1}\n{"b":[{"c":"}"}]}';

const tails: readonly (readonly [name: string, tail: string, isCut: boolean])[] = [
  ["a record that is complete", '{"d":2}', false],
  ["a complete record and blanks", '{"d":2} \r', false],
  ["half a record", '{"d":2', true],
  ["a record cut in a string", '{"d":"x', true],
  ["a record cut behind an escape", '{"d":"x\\', true],
  ["an opening brace", " {", true],
  ["no JSON at all", "garbage", false],
  ["blanks", "  ", false],
];

describe("the last line of a file without a newline", () => {
  for (const [name, tail, isCut] of tails) {
    test(`is ${isCut ? "left for the next run" : "handed over"} when it is ${name}`, async () => {
      const path = join(makeFolder(), "f.ndjson");
      writeFileSync(path, `${whole}\n${tail}`);
      const events = await eventsOf(sourceOf(path));
      const [lane] = lanesOf(events);
      expect(lane?.text).toBe(isCut ? `${whole}\n` : `${whole}\n${tail}`);
      const offset = BigInt(whole.length + 1);
      expect(events.filter((event) => event.kind === "cut-line")).toEqual(
        isCut ? [{ kind: "cut-line", lane: "f.ndjson", offset }] : [],
      );
      expect(events.at(-1)?.kind).toBe("lane-end");
    });
  }

  test("is told of when it is all there is", async () => {
    const path = join(makeFolder(), "f.ndjson");
    writeFileSync(path, '{"a":');
    const events = await eventsOf(sourceOf(path));
    expect(events.map((event) => event.kind)).toEqual(["cut-line", "lane-end"]);
  });

  test("is handed over when a pipe ends with it", async () => {
    const stdin = pipeOf(Buffer.from(`${whole}\n{"d":`), 7);
    const [lane] = lanesOf(await eventsOf(sourceOf("-", { stdin, sourceId: "p" })));
    expect(lane?.text).toBe(`${whole}\n{"d":`);
  });
});
