import { describe, expect, test } from "bun:test";
import {
  decideFlush,
  type FlushFacts,
  type FlushSettings,
} from "../../../src/core/pump/flush-policy.ts";

const settings: FlushSettings = {
  rowsMin: 100,
  bytesMax: 1_000,
  ageMsMax: 500,
  heldBytesMax: 2_000,
};

const facts: FlushFacts = {
  nowMs: 1_000,
  openedAtMs: 900,
  records: 10,
  bytes: 50,
  heldBytes: 50,
  idle: false,
  committing: false,
  inputEnded: false,
  stopping: false,
};

const wait = (untilMs: number | null) => ({ kind: "wait", untilMs });
const flush = (reason: string) => ({ kind: "flush", reason });

const table: readonly (readonly [string, Partial<FlushFacts>, unknown])[] = [
  ["nothing is due", {}, wait(1_400)],
  ["nothing is held", { openedAtMs: null, inputEnded: true }, wait(null)],
  ["enough rows, but more is ready", { records: 100 }, wait(1_400)],
  ["enough rows and nothing more is ready", { records: 100, idle: true }, flush("rows")],
  ["too few rows though idle", { records: 99, idle: true }, wait(1_400)],
  ["the oldest record is old enough", { nowMs: 1_400 }, flush("age")],
  ["the clock was set back", { nowMs: 899 }, flush("age")],
  ["a moment before that", { nowMs: 1_399 }, wait(1_400)],
  ["enough bytes", { bytes: 1_000 }, flush("bytes")],
  ["no room with what is being committed", { heldBytes: 2_000 }, flush("memory")],
  ["the input ended", { inputEnded: true }, flush("end")],
  ["told to stop", { inputEnded: true, stopping: true }, flush("shutdown")],
  ["a flush is under way", { committing: true, inputEnded: true, bytes: 9_999 }, wait(null)],
];

describe("decideFlush()", () => {
  for (const [name, changes, wanted] of table) {
    test(`decides when ${name}`, () => {
      expect(decideFlush({ ...facts, ...changes }, settings) as unknown).toEqual(wanted);
    });
  }
});
