import { Buffer } from "node:buffer";
import { expect, test } from "bun:test";
import { freeRowGroups } from "../../../src/core/encode/free-row-groups.ts";
import { createEncoder } from "../../../src/core/encode/run-encode-job.ts";
import { mappingRules } from "../../support/mapping-rules.ts";
import { changeLine } from "../pump/pump-harness.ts";

test("freeRowGroups() takes the memory of one result, not what the encoder works with", () => {
  const encoder = createEncoder(mappingRules());
  const position = { topic: "t", partition: 0, baseOffset: 0n, identity: "1" };
  const bytes = new Uint8Array(Buffer.from(`${changeLine("c", { _id: 1, text: "x" })}\n`));
  const job = {
    batches: [{ framing: "lines" as const, bytes, position }],
    tables: [],
    ingestionTimestampMs: 0,
  };
  const rowGroupOf = (result: ReturnType<typeof encoder.run>): Uint8Array =>
    result.tables[0]!.parts[0]!.rowGroup.bytes;
  const first = encoder.run(job);
  const copy = Buffer.from(rowGroupOf(first)).toString("hex");
  freeRowGroups(first);
  freeRowGroups(first);
  expect(rowGroupOf(first).length).toBe(0);
  expect(bytes.length).toBeGreaterThan(0);
  expect(Buffer.from(rowGroupOf(encoder.run(job))).toString("hex")).toBe(copy);
});
