import { jsonText } from "../output/json-text.ts";
import type { TablesReport } from "./each-table.ts";

/** What became of all tables as one JSON object: of each its result, or its error. Pure. */
export function tablesJson<Result extends object>(
  { outcomes, stopped }: TablesReport<Result>,
  facts: Readonly<Record<string, unknown>> = {},
): string {
  const tables = outcomes.map((each) =>
    each.kind === "done"
      ? { table: each.uri, ...each.result }
      : { table: each.uri, ...each.result, error: { code: each.code, message: each.message } }
  );
  return `${jsonText({ ...facts, stopped, tables })}\n`;
}

/** The tables to which something was done, whether it was all or not. Pure. */
export function doneTables<Result>(
  { outcomes }: TablesReport<Result>,
): readonly { readonly uri: string; readonly result: Result }[] {
  return outcomes.flatMap((each) =>
    each.result === undefined ? [] : [{ uri: each.uri, result: each.result }]
  );
}

/** For a report that has nothing else to show. */
export const stoppedText = "Ended by a signal before anything was done; run again to go on\n";
