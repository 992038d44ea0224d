import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { projectRoot } from "../support/project-root.ts";
import { optional } from "../support/requirement.ts";

/** Where the Delta corpus is: `CDCDELTA_CORPUS`, or beside the checkout. */
export const corpus = path.join(
  process.env["CDCDELTA_CORPUS"] ?? path.join(projectRoot, "../shared/corpus"),
  "delta",
);
export const hasCorpus = optional(
  existsSync(path.join(corpus, "MANIFEST.tsv")),
  `the Delta corpus is not at ${corpus}: set CDCDELTA_CORPUS`,
);

/** A line of a file with tab-separated values, by the names of its head. */
export type Row = Readonly<Record<string, string>>;

/** The lines of such a file. */
export function readTsv(file: string): Row[] {
  const [head = "", ...lines] = readFileSync(file, "utf8").trimEnd().split("\n");
  const names = head.split("\t");
  return lines.map((line) => {
    const values = line.split("\t");
    return Object.fromEntries(names.map((name, i) => [name, values[i] ?? ""]));
  });
}

/** The path of a table in the corpus. */
export const nameOf = (row: Row): string => `${row["suite"]}/${row["table"]}`;

/** A row a table; empty without the corpus. */
export const manifest: readonly Row[] = hasCorpus ? readTsv(path.join(corpus, "MANIFEST.tsv")) : [];

/** What delta-rs and DuckDB made of each table; delta-expectations.py wrote it. */
export const oracle: ReadonlyMap<string, Row> = new Map(
  readTsv(path.join(import.meta.dirname, "delta-expectations.tsv")).map((
    row,
  ) => [nameOf(row), row]),
);
