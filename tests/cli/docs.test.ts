import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { cliDoc, configDoc, metricsDoc } from "../../scripts/gen-docs.ts";

const committed = (name: string): string =>
  readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");

test("docs/cli.md is what `npm run docs` makes of the tables of commands", () => {
  expect(committed("cli.md")).toBe(cliDoc());
});

test("docs/config.md is what `npm run docs` makes of the table of settings", () => {
  expect(committed("config.md")).toBe(configDoc());
});

test("docs/metrics.md is what `npm run docs` makes of the table of metrics", () => {
  expect(committed("metrics.md")).toBe(metricsDoc());
});
