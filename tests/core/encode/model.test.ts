import { expect, test } from "bun:test";
import fc from "fast-check";
import { documentPart, envelope, onlyTable, rescuedOf, rowsOf, runJob } from "./encode-harness.ts";
import {
  anyValue,
  documents,
  flavours,
  meaningIn,
  meaningOf,
  render,
  renderDocument,
} from "./model/arbitrary.ts";
import { identityText } from "./model/bson.ts";
import { documentFields, rescuedValues } from "./model/expect-records.ts";
import { LadderModel } from "./model/ladder.ts";

test("rows of random documents equal the model in every flavour", async () => {
  await fc.assert(
    fc.asyncProperty(documents, fc.constantFrom(...flavours), async (docs, flavour) => {
      fc.pre(docs.length > 0);
      const model = new LadderModel();
      for (const members of docs) model.add(meaningOf(members, flavour));
      const table = onlyTable(runJob(docs.map((own) => envelope(renderDocument(own, flavour)))));
      expect(documentFields(table)).toEqual(model.schema());
      const expected = model.modelRows();
      const rows = await rowsOf(table);
      for (const [i, row] of rows.entries()) {
        expect(documentPart(row)).toEqual(expected[i]!.values);
        expect(rescuedOf(row)).toEqual(rescuedValues(expected[i]!.rescued));
      }
    }),
    { numRuns: 400 },
  );
}, 60_000);

test("a key's identity is the same in every flavour and from the document", async () => {
  await fc.assert(
    fc.asyncProperty(anyValue, async (id) => {
      const lines = flavours.flatMap((flavour) => [
        envelope(renderDocument([["_id", id]], flavour)),
        JSON.stringify({
          key: { id: render(id, flavour) },
          value: envelope(null, { op: "d" }),
        }),
      ]);
      const keys = (await rowsOf(onlyTable(runJob(lines)))).map((row) => row["_cdc_key"]);
      expect(new Set(keys)).toEqual(new Set([identityText(id)]));
    }),
    { numRuns: 200 },
  );
}, 60_000);

test("meanings of a flavour are what its text says", () => {
  expect(meaningIn({ t: "long", v: 5n }, "relaxed")).toEqual({ t: "int", v: 5n });
  expect(meaningIn({ t: "long", v: 5n }, "v1")).toEqual({ t: "long", v: 5n });
});
