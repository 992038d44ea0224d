import { expect, test } from "bun:test";
import { batchFromRows } from "../../../src/delta/columns/column-builder.ts";
import { free, freeBatch } from "../../../src/delta/columns/free-batch.ts";
import { gatherRows } from "../../../src/delta/columns/gather.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";

test("the memory of a whole array is given back", () => {
  const bytes = new Uint8Array(100);
  free(bytes);
  expect(bytes.length).toBe(0);
  free(bytes);
});

test("a view of a part leaves its buffer alone: others may lie in it", () => {
  const buffer = new ArrayBuffer(100);
  free(new Uint8Array(buffer, 10, 20));
  free(new Uint8Array(buffer, 0, 20));
  expect(buffer.byteLength).toBe(100);
});

test("all columns of a batch are given back, nested ones too", () => {
  const schema = struct([
    field("n", { kind: "long" }),
    field("s", struct([field("t", { kind: "string" })])),
    field("l", { kind: "array", elementType: { kind: "integer" }, containsNull: true }),
  ]);
  const built = batchFromRows(schema, [{ n: 1n, s: { t: "text" }, l: [1, 2] }]);
  const batch = gatherRows(built, [0]);
  freeBatch(batch);
  const [n, s, l] = batch.columns;
  const text = s?.kind === "struct" ? s.children[0] : undefined;
  expect([
    n?.kind === "int64" && n.values.length,
    n?.valid.length,
    text?.kind === "bytes" && text.data.length,
    l?.kind === "list" && l.element.valid.length,
  ]).toEqual([0, 0, 0, 0]);
});
