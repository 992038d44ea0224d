import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { makeExamples } from "../../scripts/make-examples.ts";

const folder = fileURLToPath(new URL("../../examples/", import.meta.url));

test("examples/events is what scripts/make-examples.ts makes", () => {
  const { files, rows } = makeExamples();
  expect(readdirSync(`${folder}events`).sort()).toEqual([...files.keys()].sort());
  for (const [name, text] of files) {
    expect(readFileSync(`${folder}events/${name}`, "utf8") === text, name).toBe(true);
  }
  expect(JSON.parse(readFileSync(`${folder}expected-rows.json`, "utf8"))).toEqual(rows);
});

test("the examples stay small", () => {
  let bytes = 0;
  for (const text of makeExamples().files.values()) bytes += text.length;
  expect(bytes).toBeLessThan(300_000);
});
