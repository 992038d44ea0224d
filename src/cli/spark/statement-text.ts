import type { SparkStatement } from "./spark-statement.ts";

/** What a dry run says of the statements that Spark would be sent. Pure. */
export function statementFacts(
  statements: readonly (SparkStatement | undefined)[],
): [string, string][] {
  const sent = statements.filter((one) => one !== undefined);
  if (sent.length === 0) return [];
  const lines = sent.map(({ sql }) => sql);
  const conf = new Map(sent.flatMap(({ conf }) => Object.entries(conf)));
  const settings = [...conf].map(([name, value]) => `${name}=${value}`);
  return [
    ["Spark would run", lines.join("\n")],
    ...(settings.length === 0 ? [] : [["with", settings.join("\n")] as [string, string]]),
  ];
}
