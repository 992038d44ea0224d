import { expect, test } from "bun:test";
import fc from "fast-check";
import { createEncoder } from "../../../src/core/encode/run-encode-job.ts";
import type { EncodedTable, EncodeResult, TableView } from "../../../src/core/encode/encode-job.ts";
import { mappingRules } from "../../support/mapping-rules.ts";
import { envelope, type Row, rowsOf, runJob, viewAfter } from "./encode-harness.ts";
import { documents, flavours, renderDocument } from "./model/arbitrary.ts";

/** Records of every sort: good ones in all flavours, broken ones, ones without a document. */
const records = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.tuple(documents, fc.constantFrom(...flavours), fc.constantFrom("one", "two"))
        .map(([docs, flavour, collection]) =>
          docs.map((own) =>
            envelope(renderDocument(own, flavour), { source: { db: "d", collection, ts_ms: 1 } })
          )
        ),
    },
    documents.map((docs) =>
      docs.map((own) => envelope(`${renderDocument(own, "v1").slice(0, -1)}, "cut`))
    ),
    fc.constant([envelope('{"fresh": 1, "broken": }')]),
    fc.constant(['{"op":"c", cut']),
    fc.constant([JSON.stringify({ key: { id: "7" }, value: null })]),
    fc.constant([
      JSON.stringify({ key: { id: "7" }, value: envelope(null, { op: "d", before: '{"a": 1}' }) }),
    ]),
    fc.constant([
      JSON.stringify({
        key: { id: '"k"' },
        value: envelope(null, { op: "u", updateDescription: { updatedFields: '{"a": 1}' } }),
      }),
    ]),
  ),
  { maxLength: 6 },
).map((groups) => groups.flat());

const cuts = fc.array(fc.nat(), { maxLength: 4 });

/** The lines in pieces, each with its offset in the file. */
function pieces(lines: readonly string[], at: readonly number[]): [string[], bigint][] {
  const marks = [...at.map((n) => n % (lines.length + 1)), 0, lines.length];
  const sorted = [...new Set(marks)].sort((a, b) => a - b);
  const sizes = lines.map((line) => new TextEncoder().encode(line).length + 1);
  return sorted.slice(1).map((end, i) => {
    const from = sorted[i]!;
    const offset = sizes.slice(0, from).reduce((sum, size) => sum + size, 0);
    return [lines.slice(from, end), BigInt(offset)];
  });
}

/** Runs pieces one after the other, each told what the ones before have found. */
function runPieces(
  parts: readonly [string[], bigint][],
  known: readonly TableView[],
): EncodeResult[] {
  const views = new Map(known.map((view) => [view.key, view]));
  return parts.map(([lines, baseOffset]) => {
    const result = runJob(lines, { tables: [...views.values()], baseOffset });
    for (const table of result.tables) views.set(table.key, viewAfter(table));
    return result;
  });
}

type Tables = Map<string, { schema: EncodedTable["schema"]; rows: Row[] }>;

/** All rows by table, read as the final schema has them. */
async function readAll(results: readonly EncodeResult[]): Promise<Tables> {
  const tables: Tables = new Map();
  for (const { tables: encoded } of results) {
    for (const { key, schema } of encoded) tables.set(key, { schema, rows: [] });
  }
  for (const { tables: encoded } of results) {
    for (const table of encoded) {
      const whole = tables.get(table.key)!;
      whole.rows.push(...await rowsOf(table, whole.schema));
    }
  }
  return tables;
}

test("any cut into jobs gives the same schemas and rows", async () => {
  await fc.assert(
    fc.asyncProperty(records, cuts, async (lines, at) => {
      const whole = await readAll([runJob(lines)]);
      const cut = await readAll(runPieces(pieces(lines, at), []));
      expect(new Map([...cut].sort())).toEqual(new Map([...whole].sort()));
    }),
    { numRuns: 250 },
  );
}, 60_000);

test("encoding again against the final schemas changes no schema and loses no value", async () => {
  await fc.assert(
    fc.asyncProperty(records, cuts, async (lines, at) => {
      const first = runPieces(pieces(lines, at), []);
      const finals = new Map(first.flatMap(({ tables }) => tables.map((t) => [t.key, t])));
      const views = [...finals.values()].map((table) => viewAfter(table));
      const again = pieces(lines, at).map(([part, baseOffset]) =>
        runJob(part, { tables: views, baseOffset })
      );
      for (const { tables } of again) {
        for (const { key, schema } of tables) expect(schema).toEqual(finals.get(key)!.schema);
      }
      const [before, after] = [await readAll(first), await readAll(again)];
      for (const [key, { rows }] of before) {
        for (const [i, row] of rows.entries()) {
          const other = after.get(key)!.rows[i]!;
          // What was rescued for want of a column may have one now; nothing else moves.
          if (row["_rescued_data"] === null) expect(other).toEqual(row);
        }
      }
    }),
    { numRuns: 150 },
  );
}, 60_000);

test("a job's result does not depend on what the encoder ran before", () => {
  fc.assert(
    fc.property(records, records, cuts, (lines, others, at) => {
      const used = createEncoder(mappingRules());
      let tables: readonly TableView[] = [];
      for (const [part] of pieces(others, at)) {
        const result = runJob(part, { encoder: used, tables });
        tables = result.tables.map((table) => viewAfter(table));
      }
      for (const views of [[], tables]) {
        const fresh = runJob(lines, { tables: views });
        expect(runJob(lines, { encoder: used, tables: views })).toEqual(fresh);
        expect(runJob(lines, { encoder: used, tables: views })).toEqual(fresh);
        // The usual case: the next job of a table works with what the last one found.
        const after = fresh.tables.map((table) => viewAfter(table));
        const half = lines.slice(0, lines.length / 2).toReversed();
        const next = runJob(half, { tables: after });
        runJob(lines, { encoder: used, tables: after });
        expect(runJob(half, { encoder: used, tables: after })).toEqual(next);
      }
    }),
    { numRuns: 100 },
  );
}, 60_000);

test("a job that ended in a fault leaves nothing behind", () => {
  const used = createEncoder(mappingRules());
  const lines = [envelope('{"a": 1, "b": "x"}'), envelope('{"a": "rescued"}')];
  const tables = [viewAfter(runJob(lines).tables[0]!)];
  const own = lines.toReversed().map((payload) =>
    JSON.stringify({ topic: "t", partition: 0, offset: 1, key: null, payload })
  );
  expect(runJob(own, { encoder: used, tables }).fault).not.toBeNull();
  expect(runJob(own, { encoder: used, tables }).fault).not.toBeNull();
  expect(runJob(lines, { encoder: used, tables })).toEqual(runJob(lines, { tables }));
});
